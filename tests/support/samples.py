"""Write the samples in the docs, the output below a command with a prompt, from real runs: `make samples`.

A sample that differs only in what differs from run to run stays as it is. A test holds them equal.
"""

import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from support import doc_servers, recording
from support.doc_examples import Example, blocks, examples, typed
from support.doc_runs import DOCS, PAGES, RUNS, comparable, docs_world, sample
from support.worlds import REPO

INDENT = "    "
_GOES_ON = "\0"


def samples(page: Path) -> Iterator[Example]:
    """The commands of a page that have a sample."""
    for block in blocks(page):
        both = (*examples(block), *examples(block, "curl"))
        yield from (item for item in both if item.output and item.command in {*RUNS, *doc_servers.SERVED})


def lines_of(example: Example) -> Sequence[str]:
    """The lines below a command, from a real run."""
    if example.command in doc_servers.SERVED:
        return doc_servers.sample(example)
    with tempfile.TemporaryDirectory() as folder:
        return sample(example, docs_world(Path(folder)))


def renewed(page: Path) -> str:
    """The text of a page with samples from real runs."""
    text = page.read_text()
    for example in samples(page):
        lines = lines_of(example)
        if comparable(lines) != comparable(example.output):
            text = _replaced(text, example.command, lines)
    return text


def _replaced(text: str, command: str, lines: Sequence[str]) -> str:
    """The text with these lines below the command, up to the next prompt or the end of the block."""
    written, old = list[str](), False
    for line in re.sub(r" \\\n +", _GOES_ON, text).splitlines():
        if line.startswith(f"{INDENT}$ "):
            old = typed(line.strip().replace(_GOES_ON, " ")) == command
            written += [line, *(f"{INDENT}{item}".rstrip() for item in (lines if old else ()))]
        elif line.strip() and not line.startswith(INDENT):
            written += ["", line] if old else [line]
            old = False
        elif not old:
            written.append(line)
    return "\n".join(written).replace(_GOES_ON, f" \\\n{2 * INDENT}") + "\n"


def main() -> None:
    for page in (page for page in PAGES if page.parent != DOCS / "guides"):
        text = renewed(page)
        if text != page.read_text():
            page.write_text(text)
            sys.stdout.write(f"{page.relative_to(REPO)}\n")
    for item in filter(recording.renew, recording.RECORDINGS):
        sys.stdout.write(f"{item.page.relative_to(REPO)}\n")


if __name__ == "__main__":
    main()
