"""Every command in the code blocks of the docs is run in a small world, or parsed where it cannot run here."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest

from hero_build.cli.app import hero_build, summaries
from hero_build.cli.base import NAMES, SessionCommand
from support.doc_examples import Block, Example, blocks, examples, typed
from support.doc_runs import (
    DOCS,
    FOLLOWED,
    OTHERS,
    PAGES,
    PARSED,
    PLACEHOLDERS,
    RUNS,
    comparable,
    docs_world,
    output,
    sample,
)
from support.doc_servers import SERVED
from support.guides import steps
from support.samples import lines_of
from support.worlds import REPO


def ruled(example: Example) -> bool:
    return example.page.parent != DOCS / "guides" and example.page != DOCS / "runbook.md"


ALL = [example for page in PAGES for block in blocks(page) for example in examples(block)]
TYPED = [example for example in ALL if not PLACEHOLDERS.search(example.command)]
RULED = [example for example in TYPED if ruled(example)]
"""The guides are followed block by block, in tests/scenarios/guides; the runbook in tests/scenarios/machines."""
ASKED = [example for page in PAGES for block in blocks(page) for example in examples(block, "curl") if ruled(example)]
"""What asks a server."""
SYNOPSES = [example for example in ALL if PLACEHOLDERS.search(example.command)]

SHELL = re.compile(
    r"(\$ )?(make|sudo|git|pipx|uv|pip|python3?|ln|mkdir|export|minisign|ls|~/\S+|sh|cp|echo|rustup|systemctl) "
)


def name(example: Example) -> str:
    return f"{example.page.stem}:{example.command}"


def test_every_line_that_begins_with_hero_build_is_a_command() -> None:
    for page in PAGES:
        for block in blocks(page):
            known = {example.command for example in examples(block)}
            for line in block.lines:
                text = line.strip().removeprefix("- run: ")
                if re.match(r"(\w+=\S* )*hero-build ", text) and not block.prompted:
                    assert typed(text) in known, f"{page.name}: {line}"


def test_every_command_has_one_rule() -> None:
    commands = {example.command for example in (*RULED, *ASKED)}
    assert commands == RUNS.keys() | PARSED.keys() | SERVED.keys()
    assert len(commands) == len(RUNS) + len(PARSED) + len(SERVED)


def test_every_other_command_has_one_rule() -> None:
    """Commands of the shell, on all pages but the guides."""
    followed = {step.command for page in PAGES for section in _followed(page) for step in steps(page, section)}
    commands = {
        command
        for page in PAGES
        if page.parent != DOCS / "guides"
        for block in blocks(page)
        for command in shell(block)
    }
    assert commands - followed == OTHERS.keys()


def shell(block: Block) -> Iterator[str]:
    """The commands of a block that begin with a program of SHELL."""
    for line in block.lines:
        if SHELL.match(line.strip()):
            yield re.split(r"\s+(#|\\$)", line.strip().removeprefix("$ "))[0]


def _followed(page: Path) -> Sequence[str]:
    return FOLLOWED.get(page.name, ()) if page.parent in (REPO, DOCS) else ()


@pytest.mark.parametrize("example", TYPED, ids=name)
def test_a_command_parses(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name, option and value is one that the command line takes, in a folder that has `dist`."""
    parsed: list[str | None] = []
    (tmp_path / "dist").mkdir()
    monkeypatch.chdir(tmp_path)

    def invoke(_command: SessionCommand, context: click.Context) -> int:
        parsed.append(context.info_name)
        return 0

    monkeypatch.setattr(SessionCommand, "invoke", invoke)
    hero_build.main(example.arguments, standalone_mode=False)
    assert parsed[0] in example.arguments


def headings() -> Iterator[Example]:
    """Headings of docs/commands that are a synopsis: `## lock APP… -o FILE`."""
    for page in sorted((DOCS / "commands").glob("*.md")):
        for line in re.findall(r"^#+ (.*)$", page.read_text(), re.M):
            if line.split()[0] in summaries() and "--" in line:
                yield Example(page, f"hero-build {line}")


@pytest.mark.parametrize("example", [*SYNOPSES, *headings()], ids=name)
def test_a_synopsis_names_options_of_its_command(example: Example) -> None:
    """Each option that it names exists; one with `[--mode` names all that the command has."""
    named, own = set(re.findall(r"--[a-z-]+", _synopsis(example))), _options(example)
    assert named <= own
    if "[--mode" in example.command:
        assert named == own


def _synopsis(example: Example) -> str:
    """The command with the lines in brackets below it."""
    text = example.page.read_text()
    start = text.index(example.command.removeprefix("hero-build "))
    first, *following = text[start:].splitlines()
    more = "".join(line for line in following[:4] if line.strip().startswith("[--"))
    return first + more


def _options(example: Example) -> set[str]:
    command: click.Command | None = hero_build
    for word in example.command.split()[1:3]:
        if isinstance(command, click.Group):
            command = command.get_command(click.Context(command), word)
    assert command is not None
    return {
        option for param in command.params if param.name not in NAMES for option in param.opts if option[:2] == "--"
    }


@pytest.mark.parametrize("example", [item for item in RULED if item.command in RUNS], ids=name)
def test_a_command_does_what_the_page_shows(example: Example, tmp_path: Path) -> None:
    """`make samples` writes the samples anew."""
    world = docs_world(tmp_path)
    if example.output:
        assert comparable(example.output) == comparable(sample(example, world)), "run `make samples`"
    else:
        output(example, world)


@pytest.mark.parametrize("example", [item for item in (*RULED, *ASKED) if item.command in SERVED], ids=name)
def test_a_server_says_what_the_page_shows(example: Example) -> None:
    """`make samples` writes the samples anew."""
    lines = lines_of(example)
    assert lines
    assert comparable(example.output) == (comparable(lines) if example.output else []), "run `make samples`"
