"""Every command in the code blocks of the docs is run in a small world, or parsed where it cannot run here."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from hero_build.cli.app import hero_build, summaries
from hero_build.cli.base import NAMES, SessionCommand
from support import git_repos, rust_crates
from support.doc_examples import Example, blocks, examples, pattern, typed
from support.worlds import REPO, World

DOCS = REPO / "docs"
PAGES = (REPO / "README.md", *sorted(DOCS.rglob("*.md")))
PLACEHOLDERS = re.compile(r"…|\[-|\b(APP|DIR|REF|TAG)\b")
"""In a synopsis, and not in a command to type."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a command runs here: after the commands of `before`, in a world that `change` prepared; and its exit code."""

    before: tuple[str, ...] = ()
    change: str = ""
    code: int = 0


HERO_DB = ("hero_db", "hero_db_server", "hero_db_admin")
BOTH = ("install hero_proc", "install hero_db --version v0.3.1")
RUNS: Mapping[str, Run] = {
    "hero-build install hero_db": Run(),
    "hero-build install hero_db hero_proc": Run(("install hero_db --version v0.3.1",)),
    "hero-build install hero_db --mode source": Run(change="source"),
    "hero-build status": Run(("install hero_db hero_proc",), change="damage"),
    "hero-build status --json": Run(BOTH),
    "hero-build status --latest": Run(("install hero_db",)),
    "hero-build verify": Run(BOTH, change="damage", code=5),
    "hero-build verify --repair": Run(BOTH, change="damage"),
    "hero-build verify hero_db --against-release": Run(("install hero_db",)),
    "hero-build rollback": Run(BOTH),
    "hero-build history": Run(("install hero_db --version v0.3.1", "install @core")),
    "hero-build list": Run(("install hero_db",)),
    "hero-build upgrade": Run(BOTH),
    "hero-build outdated": Run(BOTH),
    "hero-build hold hero_db": Run(("install hero_db",)),
    "hero-build install @core": Run(),
    "hero-build list --json": Run(("install hero_db",)),
    "hero-build show hero_notes": Run(),
    "hero-build show hero_collab --json": Run(),
    "hero-build explain hero_db": Run(("install hero_db --version v0.3.1",)),
    "hero-build explain hero_notes": Run(),
    "hero-build explain hero_db --mode source": Run(change="source"),
    "hero-build restart hero_db": Run(("install hero_db",), code=9),
    "hero-build install hero_notes --mode source": Run(change="source"),
    "hero-build lock @core -o hero.lock": Run(),
    "hero-build install --locked hero.lock": Run(("lock @core -o hero.lock",)),
    "hero-build mirror @core /media/usb/mirror": Run(),
    "hero-build --forge file:///media/usb/mirror install @core": Run(("mirror @core /media/usb/mirror",)),
    "hero-build audit hero_db": Run(change="extra", code=5),
    "hero-build audit hero_notes": Run(change="checkouts"),
    "hero-build audit hero_db hero_livekit": Run(change="checkouts"),
    "hero-build audit --all": Run(change="checkouts"),
    "hero-build audit --all ~/checkouts": Run(change="checkouts"),
    "hero-build audit --all --json": Run(change="checkouts"),
    "hero-build audit --all .. --no-release": Run(change="checkouts"),
    "hero-build completion bash": Run(),
    "hero-build completion bash --install": Run(),
    "hero-build completion zsh": Run(),
    "hero-build completion fish": Run(),
    "hero-build ci workflow hero_db": Run(),
    "hero-build ci matrix hero_db --platform linux-amd64-musl": Run(),
    "hero-build ci matrix hero_db --platform linux-amd64-musl --platform linux-arm64-musl": Run(),
    "hero-build doctor": Run(),
}
_PUBLISHES = "compiles for musl and publishes to a forge: tests/scenarios/publish"
PARSED: Mapping[str, str] = {
    "hero-build islands --restart": "compiles WebAssembly for minutes: tests/scenarios/desktop",
    "hero-build install hero_db --ref my-branch": "needs a branch and a build: tests/scenarios/build",
    "hero-build install hero_db --ref ${{ github.sha }} --json": "the runner fills in the commit",
    "hero-build start @core": "the programs of this world do not serve: tests/scenarios/services",
    "hero-build serve": "runs until it is stopped: tests/scenarios/server",
    "hero-build publish hero_db --tag v0.4.0": _PUBLISHES,
    "hero-build publish hero_db --tag v0.4.0 --draft": _PUBLISHES,
    "hero-build publish hero_db --tag v0.4.0 --finish": _PUBLISHES,
    "hero-build publish hero_db --tag v0.4.0 --to file:///media/mirror": _PUBLISHES,
}
"""Why a command is only parsed."""
UNSTABLE = {"hero-build explain hero_db --mode source": "shows a checkout that was built before and edited"}
"""Why the output of a command that runs is not compared with that of the page."""
OUTPUT = {
    "hint: Did you mean hero_db? `hero-build list` shows all.",
}
"""Lines of blocks without a prompt that name hero-build and are not commands."""


ALL = [example for page in PAGES for block in blocks(page) for example in examples(block)]
TYPED = [example for example in ALL if not PLACEHOLDERS.search(example.command)]
RULED = [example for example in TYPED if example.page.parent != DOCS / "guides"]
"""The guides are followed block by block, in tests/scenarios/guides."""
SYNOPSES = [example for example in ALL if PLACEHOLDERS.search(example.command)]


def name(example: Example) -> str:
    return f"{example.page.stem}:{example.command}"


def test_every_line_that_names_hero_build_is_a_command_or_an_output() -> None:
    for page in PAGES:
        for block in blocks(page):
            known = {example.command for example in examples(block)}
            for line in block.lines:
                text = line.strip().removeprefix("- run: ")
                if re.match(r"(\w+=\S* )*hero-build ", text) and not block.prompted:
                    assert typed(text) in known or text in OUTPUT, f"{page.name}: {line}"


def test_every_command_has_one_rule() -> None:
    commands = {example.command for example in RULED}
    assert commands == RUNS.keys() | PARSED.keys()
    assert not RUNS.keys() & PARSED.keys()
    assert UNSTABLE.keys() <= RUNS.keys()


@pytest.mark.parametrize("example", TYPED, ids=name)
def test_a_command_parses(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name, option and value is one that the command line takes."""
    parsed: list[str | None] = []

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


@pytest.fixture
def docs_world(tmp_path: Path) -> World:
    """The apps of the docs: hero_db in two releases, hero_proc, hero_livekit, hero_notes, and the set @core."""
    world = World(tmp_path)
    for app, tags, programs in (
        ("hero_db", ("v0.3.1", "v0.3.2"), HERO_DB),
        ("hero_proc", ("v0.2.0",), ("hero_proc",)),
        ("hero_livekit", ("v0.1.0",), ("hero_livekit",)),
        ("hero_notes", ("v1",), ("hero_notes",)),
    ):
        world.recipe(app, *programs)
        for tag in tags:
            world.release(app, tag, *programs)
    (world.recipes / "_sets.py").write_text('SETS = {"core": ("hero_proc", "hero_db")}\n')
    return world


def _prepare(world: World, change: str) -> None:
    match change:
        case "damage":
            (world.root.path / "bin" / "hero_proc").unlink()
        case "source":
            git_repos.upstream(world.mirror, "o/hero_db", _crate("hero_db", HERO_DB))
            git_repos.upstream(world.mirror, "o/hero_notes", _crate("hero_notes", ("hero_notes",)))
        case "checkouts" | "extra":
            extra = ("hero_db_web",) if change == "extra" else ()
            _checkout(world, "hero_db", (*HERO_DB, *extra))
            _checkout(world, "hero_livekit", ("hero_livekit",))
            _checkout(world, "hero_notes", ("hero_notes",))


def _checkout(world: World, app: str, programs: Sequence[str]) -> None:
    for folder in (world.root.path / "code0", world.folder / "checkouts"):
        git_repos.write(folder / "o" / app, _crate(app, programs))


def _crate(app: str, programs: Sequence[str]) -> Mapping[str, str]:
    sources = {f"src/bin/{program}.rs": rust_crates.program(program) for program in programs}
    return {".gitignore": "/target\n", "Cargo.toml": rust_crates.manifest(app), **sources}


def _local(arguments: Sequence[str], world: World) -> list[str]:
    """The same with the places of the docs below the world's folder."""
    places = {
        "file:///tmp/mirror": world.mirror.as_uri(),
        "file:///media/usb": (world.folder / "usb").as_uri(),
        "/media/usb": str(world.folder / "usb"),
        "~/checkouts": str(world.folder / "checkouts"),
        "hero.lock": str(world.folder / "hero.lock"),
    }
    for place, path in places.items():
        arguments = [word.replace(place, path) if word.startswith(place) else word for word in arguments]
    return [str(world.folder / "checkouts") if word == ".." else word for word in arguments]


@pytest.mark.parametrize("example", [item for item in RULED if item.command in RUNS], ids=name)
def test_a_command_does_what_the_page_shows(example: Example, docs_world: World) -> None:
    run = RUNS[example.command]
    for command in run.before:
        docs_world.ok(*_local(shlex.split(command), docs_world))
    _prepare(docs_world, run.change)
    done = docs_world.run(*_local(example.arguments, docs_world))
    assert done.code == run.code, done.err
    shown = [pattern(line) for line in example.output if line.strip() and example.command not in UNSTABLE]
    printed = iter((done.err + done.out).splitlines())
    missing = [line for line in shown if not any(re.fullmatch(line, text) for text in printed)]
    assert missing == [], done.err + done.out
