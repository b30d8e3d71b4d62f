"""The page of `completion --install`."""

from collections.abc import Iterator

from hero_build.ops.install_completion import CompletionFiles
from hero_build.output.phrases import closing
from hero_build.output.terminal import Terminal


def installed_page(shell: str, files: CompletionFiles, terminal: Terminal) -> Iterator[str]:
    if not files.changed:
        yield from closing(f"nothing to do: completion for {shell} is installed in {files.script}", "", terminal)
        return
    places = " and ".join(map(str, files.changed))
    yield from closing(f"completion for {shell}: wrote {places}", f"Start a new shell: exec {shell}", terminal)
