"""The pages of `hold` and `unhold`."""

from collections.abc import Iterator, Sequence

from hero_build.ops.hold import HoldReport
from hero_build.output.phrases import closing
from hero_build.output.terminal import Terminal
from hero_build.output.text import noun


def hold_page(answer: HoldReport, apps: Sequence[str], terminal: Terminal) -> Iterator[str]:
    """`apps`: those that the command named."""
    names = ", ".join(answer.changed or apps)
    if not answer.changed:
        yield from closing(f"nothing to do: held already: {names}", "", terminal)
        return
    release = f"Release: {terminal.command('unhold ' + ' '.join(answer.changed))}"
    yield from closing(f"held: {names}; upgrade and install @SET leave {_them(answer.changed)}", release, terminal)


def unhold_page(answer: HoldReport, apps: Sequence[str], terminal: Terminal) -> Iterator[str]:
    rest = f"; still held: {', '.join(answer.held)}" if answer.held else ""
    if answer.changed:
        yield from closing(f"released: {', '.join(answer.changed)}{rest}", "", terminal)
    else:
        yield from closing(f"nothing to do: not held: {', '.join(apps)}{rest}", "", terminal)


def _them(names: Sequence[str]) -> str:
    return noun(len(names), "it as it is", "them as they are")
