"""The examples of the docs: the commands in their code blocks, with the output that a page shows below one."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PICTURES = {"mermaid", "text"}
"""Languages of fenced blocks that are drawings."""


@dataclass(frozen=True, slots=True)
class Block:
    page: Path
    lines: tuple[str, ...]

    @property
    def prompted(self) -> bool:
        return any(line.lstrip().startswith("$ ") for line in self.lines)


@dataclass(frozen=True, slots=True)
class Example:
    """A command of a page, and the output that the page shows below it."""

    page: Path
    command: str
    output: tuple[str, ...] = ()

    @property
    def arguments(self) -> list[str]:
        return shlex.split(self.command)[1:]


def blocks(page: Path) -> Iterator[Block]:
    """Fenced blocks, and those indented by four spaces after an empty line."""
    lines, fence, indented = list[str](), None, False
    for line in page.read_text().splitlines():
        if line.startswith("```"):
            if fence is not None and fence not in PICTURES:
                yield Block(page, tuple(lines))
            lines, fence = [], line[3:].strip() if fence is None else None
        elif fence is not None or line.startswith("    ") or (lines and not line.strip() and indented):
            indented = fence is None
            lines.append(line)
        elif lines and fence is None:
            yield Block(page, tuple(lines))
            lines = []
    assert fence is None, f"{page.name}: a fence is not closed"
    if lines:
        yield Block(page, tuple(lines))


def examples(block: Block, program: str = "hero-build") -> Iterator[Example]:
    """The commands of a program; one whose line ends with a backslash goes on in the next one."""
    command, output = "", list[str]()
    for line in re.sub(r" \\\n +", " ", "\n".join((*block.lines, ""))).split("\n"):
        text = line.strip().removeprefix("- run: ")
        is_command = text.startswith(f"$ {program} ") or (not block.prompted and text.startswith(f"{program} "))
        if is_command and command:
            yield Example(block.page, command, tuple(output))
        if is_command:
            command, output = typed(text), []
        elif block.prompted and text:
            output.append(line.removeprefix("    "))
    if command:
        yield Example(block.page, command, tuple(output))


def typed(text: str) -> str:
    """The command without prompt, comment, pipe and redirection."""
    return re.split(r"\s+#\s|\s+[|>]\s", text.removeprefix("$ "))[0].strip()


def pattern(line: str) -> str:
    """A line of a page as a regular expression: sizes, digests, times and spaces vary; `…` is any text."""
    text = re.escape(line.rstrip()).replace("…", ".*")
    text = re.sub(r"\d+(\\\.\d+)?\\ [kMG]?B\b", r"[\\d.]+ [kMG]?B", text)
    text = re.sub(r"\d+\\\.\d+\\ s\b", r"[\\d.]+ s", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "[0-9a-f]{12}", text)
    text = re.sub(r"20\d\d\\-\d\d\\-\d\d\\ \d\d:\d\dZ", r"\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\dZ", text)
    return re.sub(r"(\\ )+", r" +", text)
