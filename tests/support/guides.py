"""The guides of docs/guides/, followed block by block: what a reader types, in order, in one shell.

A block that follows a sentence such as "Write `~/x.py`:" is the content of that file; the lines of every other block
are commands; of a block with prompts those are, and what is below them is their output. Blocks of the languages in
NOT_TYPED are not typed.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from support.debian import HOME
from support.doc_examples import pattern
from support.worlds import Done

NOT_TYPED = {"mermaid", "text", "json"}
_FILE = re.compile(r"\bWrite `([^`]+)`[^`]*:$")


class Shell(Protocol):
    """A machine on which a guide is followed."""

    def run(self, script: str, **environ: str) -> Done: ...


@dataclass(frozen=True, slots=True)
class Step:
    """A command, or the content of a file that is to be written; `output` is what the page shows below a command."""

    command: str
    output: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    lines: tuple[str, ...]
    before: str
    language: str


@dataclass(frozen=True, slots=True)
class Reader:
    """How a guide is followed here: texts that are replaced, exit codes other than 0, commands that are
    left out, and variables of the shell.
    """

    replaced: Mapping[str, str]
    codes: Mapping[str, int]
    left_out: Mapping[str, str]
    environ: Mapping[str, str]


def steps(page: Path, section: str = "") -> Iterator[Step]:
    """Those of a page, or of one of its sections."""
    text = page.read_text()
    if section:
        text = re.split(r"\n#+ ", text.split(f" {section}\n")[1])[0]
    for block in _blocks(text):
        file = _FILE.search(block.before)
        if file:
            yield Step("".join(f"{line}\n" for line in block.lines), file=file[1])
        elif block.language not in NOT_TYPED:
            yield from _typed(block.lines)


def follow(machine: Shell, todo: Sequence[Step], reader: Reader, folder: str = HOME) -> str:
    """Do the steps in one shell, which begins in `folder` and ends at the first that fails; what was written.

    Fails where a command ends with another code, or does not print what the page shows.
    """
    done = machine.run(_script(todo, reader, folder), **reader.environ)
    parts = dict(re.findall(r"^@@ (\d+)\n(.*?)(?=^@@ \d+\n|\Z)", done.out, re.M | re.S))
    for number, step in enumerate(todo):
        written = parts.get(str(number), "")
        assert f"@@ code {_code(step, reader)}\n" in written, f"{step.command}\n{done.out}"
        _compare(step, written)
    return done.out


def _compare(step: Step, written: str) -> None:
    printed = iter(written.splitlines())
    for line in step.output:
        assert any(re.fullmatch(pattern(line), text.rstrip()) for text in printed), f"{step.command}: {line}\n{written}"


def _script(todo: Sequence[Step], reader: Reader, folder: str) -> str:
    lines = ["exec 2>&1", f"cd {folder}"]
    for number, step in enumerate(todo):
        lines += [f"echo '@@ {number}'", _replaced(_command(step, reader), reader.replaced), "code=$?"]
        lines += ["echo", 'echo "@@ code $code"', f"[ $code = {_code(step, reader)} ] || exit 1"]
    return "\n".join(lines) + "\n"


def _command(step: Step, reader: Reader) -> str:
    if step.file:
        path = step.file.replace("~", HOME, 1)
        return f"mkdir -p {shlex.quote(str(Path(path).parent))}; cat > {shlex.quote(path)} <<'@@@'\n{step.command}@@@"
    return "true" if step.command in reader.left_out else step.command


def _code(step: Step, reader: Reader) -> int:
    return 0 if step.file else reader.codes.get(step.command, 0)


def _replaced(text: str, replaced: Mapping[str, str]) -> str:
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text


def _typed(lines: Sequence[str]) -> Iterator[Step]:
    """The commands of a block; a line that ends with a backslash goes on."""
    prompted = any(line.startswith("$ ") for line in lines)
    command, output = "", list[str]()
    for line in "\n".join(lines).replace("\\\n", "\\\0").split("\n"):
        if prompted and not line.startswith("$ "):
            output += [line] if line.strip() else []
            continue
        if command:
            yield Step(command, tuple(output))
        command, output = line.removeprefix("$ ").replace("\0", "\n"), []
        command = re.sub(r"\s+# .*$", "", command).strip()
        command = "" if command.startswith("#") else command
    if command:
        yield Step(command, tuple(output))


def _blocks(text: str) -> Iterator[Block]:
    """Fenced blocks, and those indented by four spaces after an empty line; in a list, by as many more."""
    before, lines, fence = "", list[str](), None
    for line in [*text.splitlines(), "."]:
        if line.startswith("```"):
            if fence is not None:
                yield Block(tuple(lines), before, fence)
            lines, fence = [], line[3:].strip() if fence is None else None
        elif fence is not None or line.startswith("    ") or (lines and not line.strip()):
            lines.append(line if fence is not None else line.removeprefix("    "))
        elif line.strip():
            if lines:
                yield Block(tuple("\n".join(lines).rstrip("\n").split("\n")), before, "")
            lines, before = [], line
