"""How arguments are parsed, without running a command."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hero_build import __version__
from hero_build.cli.app import hero_build, summaries
from hero_build.cli.base import SessionCommand
from hero_build.cli.main import main
from hero_build.errors import HeroBuildError
from support import worlds

Words = Callable[..., tuple[int, str, str]]


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Words:
    """Runs words in this process, over an empty root and a mirror that is not there."""
    monkeypatch.setenv("HERO_ROOT", str(tmp_path / "hero"))
    monkeypatch.setenv("FORGEJO_URL", (tmp_path / "mirror").as_uri())

    def run(*typed: str) -> tuple[int, str, str]:
        code = main(hero_build, typed)
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


def test_help_names_every_command() -> None:
    result = CliRunner().invoke(hero_build, ["--help"]).output
    context = click.Context(hero_build)
    for name, summary in summaries().items():
        command = hero_build.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.help
        assert f"  {name} " in result
        assert summary in result
    assert list(summaries()) == hero_build.list_commands(context)


IN_GROUPS = {
    "ci": ("ci matrix", "ci workflow"),
    "fleet": ("fleet cloud-init", "fleet converge", "fleet units"),
    "supervisor": ("supervisor current", "supervisor use"),
}
COMMANDS = [each for name in summaries() for each in (name, *IN_GROUPS.get(name, ()))]
"""All commands; those of a group follow it."""


def test_the_test_covers_every_group() -> None:
    context = click.Context(hero_build)
    groups = {name: hero_build.get_command(context, name) for name in summaries()}
    found = {
        name: tuple(f"{name} {item}" for item in group.list_commands(context))
        for name, group in groups.items()
        if isinstance(group, click.Group)
    }
    assert found == IN_GROUPS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_text_lists_the_global_options(name: str) -> None:
    result = CliRunner().invoke(hero_build, [*name.split(), "-h"])
    assert result.exit_code == 0
    for option in ("--root", "--forge", "--json", "--quiet", "--verbose", "--jobs", "--color", "--wait"):
        assert option in result.output


def test_no_arguments_print_the_help_text(words: Words) -> None:
    code, out, err = words()
    assert (code, err) == (0, "")
    assert "Install, update, build and publish the programs of Hero OS" in out


@pytest.mark.parametrize("typed", [["--version"], ["-V"], ["--json", "--version"]])
def test_version(typed: list[str], words: Words) -> None:
    assert words(*typed) == (0, f"hero-build {__version__}\n", "")


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["instal"], "unknown command 'instal', did you mean install"),
        (["stats"], "did you mean status"),
        (["frobnicate"], "unknown command 'frobnicate'"),
        (["install", "--mdoe", "download"], "hero-build install has no option --mdoe"),
        (["install", "db", "--mode", "later"], "--mode takes auto or download or source, not 'later'"),
        (["install"], "no app is named"),
        (["-q", "--jobs", "3", "stats"], "did you mean status"),
        (["install", "db", "--ref", "main", "--version", "v1"], "--ref and --version exclude each other"),
        (["install", "db", "--ref", "main", "--mode", "download"], "--ref means a build"),
        (["install", "db", "--locked", "x", "--mode", "source"], "--locked installs releases"),
        (["restart"], "no app is named"),
        (["islands", "--backend", "other"], "--backend takes direct or wasm-pack, not 'other'"),
        (["install", "--locked", "nowhere.lock"], "nowhere.lock"),
        (["show"], "hero-build show needs APP"),
        (["show", "db", "web"], "hero-build show takes fewer arguments: web is too much"),
        (["install", "db", "--mode"], "--mode needs a value"),
        (["rollback", "x"], "N takes a whole number, and 'x' is not one"),
        (["gc", "--keep", "0"], "--keep takes a number from 1, not 0"),
        (["lock", "db"], "hero-build lock needs --output FILE"),
        (["mirror", "/tmp"], "hero-build mirror needs APP and DIR"),
        (["completion", "csh"], "SHELL takes bash or zsh or fish, not 'csh'"),
        (["ci", "matrx"], "unknown command 'ci matrx', only matrix and workflow"),
        (["publish", "db"], "hero-build publish needs --tag TAG"),
        (["verify", "--version", "v1"], "--version needs --against-release"),
        (["list", "--jobs", "0"], "jobs is '0'"),
        (["list", "--wait", "soon"], "wait is 'soon'"),
        (["--forge", "ftp://x", "list"], "is not a forge"),
        (["list", "--forge", "https://me:secret@forge.example"], "may not carry credentials"),
        (["list", "--root", "a\0b"], "NUL"),
    ],
)
def test_invalid_arguments_give_one_sentence_a_hint_and_exit_code_2(typed: list[str], says: str, words: Words) -> None:
    code, out, err = words(*typed)
    assert (code, out) == (2, "")
    first, hint = err.splitlines()
    assert first.startswith("error: ")
    assert says in first
    assert hint.startswith("  hint: ")
    assert "secret" not in err


@pytest.mark.parametrize("place", ["before", "after"])
def test_usage_errors_are_a_document_with_json(place: str, words: Words) -> None:
    typed = ["--json", "install", "--nope"] if place == "before" else ["install", "--nope", "--json"]
    code, out, err = words(*typed)
    document = worlds.valid(json.loads(out), "error")
    assert (code, document["exit"], document["error"]["kind"]) == (2, 2, "UsageError")
    assert document["command"] == "install"
    assert "has no option --nope" in err


@pytest.mark.parametrize("typed", [["--json"], ["ci", "--json"]])
def test_a_missing_command_is_a_document_with_json(typed: list[str], words: Words) -> None:
    code, out, _ = words(*typed)
    assert (code, worlds.valid(json.loads(out), "error")["command"]) == (2, "".join(typed[:-1]))


MATRIX = ("ci", "matrix", "hero_db")


@pytest.mark.parametrize(
    "typed",
    [["--json", "list"], ["list", "--json"], ["--json", *MATRIX], ["ci", "--json", *MATRIX[1:]], [*MATRIX, "--json"]],
)
def test_global_options_work_before_and_after_the_command(typed: list[str], words: Words) -> None:
    code, out, _ = words(*typed)
    assert code == 0
    assert worlds.valid(json.loads(out))["command"] in ("list", "matrix")


def test_an_option_after_the_command_overrides_one_before_it(words: Words, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    _, out, _ = words("--root", str(first), "status", "--root", str(second))
    assert str(second) in out
    assert str(first) not in out


def test_an_unknown_app_is_3_with_the_nearest_name(words: Words) -> None:
    code, out, err = words("install", "hero_bd")
    assert (code, out) == (3, "")
    assert "no app is named 'hero_bd'" in err
    assert "hero_db" in err


def test_a_bug_prints_one_line_and_writes_a_file(words: Words, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug \x1b[31m")

    monkeypatch.setattr("hero_build.queries.list.listing", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, out, err = words("list", "--json")
    assert code == 70
    assert worlds.valid(json.loads(out), "error")["error"]["kind"] == "Bug"
    assert len(err.splitlines()) == 2
    assert "this is a bug in hero-build: KeyError" in err
    assert "\x1b" not in err
    (saved,) = tmp_path.glob("hero-build-bug-*.txt")
    assert str(saved) in err
    assert "Traceback" in saved.read_text()


def test_an_interrupt_whose_handling_breaks_is_no_bug(words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second interrupt in the middle of Python's own clean-up leaves a lock released twice."""

    def interrupted(*_: object) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise RuntimeError("release unlocked lock")  # noqa: B904 - as threading does

    monkeypatch.setattr("hero_build.queries.list.listing", interrupted)
    code, _, err = words("list")
    assert code == 130
    assert err.startswith("error: interrupted\n")


@pytest.mark.parametrize("how", ["-v", "HERO_BUILD_DEBUG"])
def test_a_bug_prints_its_traceback_if_verbose(how: str, words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr("hero_build.queries.list.listing", broken)
    if how != "-v":
        monkeypatch.setenv(how, "1")
    code, _, err = words("list", *(["-v"] if how == "-v" else []))
    assert code == 70
    assert "Traceback" in err
    assert "the traceback above" in err


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in IN_GROUPS])
def test_every_command_has_a_page_and_a_schema(name: str) -> None:
    pages = "".join(path.read_text() for path in (worlds.REPO / "docs" / "commands").glob("*.md"))
    assert f"`{name}`" in pages
    assert f"{name}" in (worlds.REPO / "docs" / "json.md").read_text() or name == "completion"
    assert (worlds.SCHEMAS / f"{name.split()[-1]}.schema.json").is_file()


def test_every_exit_code_is_explained() -> None:
    page = (worlds.REPO / "docs" / "exit-codes.md").read_text()
    for code in (*range(10), 70, 130):
        assert f"| {code} |" in page


def test_every_failure_has_its_two_codes_in_one_table() -> None:
    page = (worlds.REPO / "docs" / "exit-codes.md").read_text()
    rows = {cells[1].strip(): cells[3] for line in page.splitlines() if len(cells := line.split("|")) == 5}
    tree = [HeroBuildError]
    for kind in tree:
        tree += kind.__subclasses__()
        assert kind is HeroBuildError or str(kind.rpc) in rows[str(kind.code)], kind


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_text_ends_with_examples_that_parse(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = CliRunner().invoke(hero_build, [*name.split(), "--help"]).output.rstrip().splitlines()
    examples = lines[lines.index("Examples:") + 1 :]
    assert examples
    monkeypatch.setattr(SessionCommand, "invoke", lambda _self, _context: 0)
    for line in examples:
        assert line.startswith(f"  hero-build {name}"), line
        assert len(line) < 80, line
        hero_build.main(shlex.split(line)[1:], standalone_mode=False)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_prints_what_the_option_prints(name: str, words: Words) -> None:
    assert words("help", *name.split()) == words(*name.split(), "--help")
    assert words("help", *name.split())[0] == 0


def test_help_of_an_unknown_command_names_the_one_that_is_meant(words: Words) -> None:
    code, _, err = words("help", "remove")
    assert (code, "did you mean uninstall?" in err) == (2, True)
    assert words("help", "ci", "matrx")[0] == 2
    _, out, _ = words("help", "install", "--json")
    assert "Usage: hero-build install" in worlds.valid(json.loads(out))["text"]
