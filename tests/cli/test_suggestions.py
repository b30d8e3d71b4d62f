"""What a person types who knows another package manager: the answer names the command or option of this one."""

import re

import click
import pytest

from hero_build.catalog.unknown_app import meant_app
from hero_build.cli.app import hero_build, summaries
from hero_build.cli.base import SessionCommand
from hero_build.cli.suggestions import COMMANDS, HINTS, OPTIONS, command_for, unknown_command, unknown_option
from support.worlds import World


def options_of(command: click.Command) -> set[str]:
    return {word for param in command.params for word in (*param.opts, *param.secondary_opts)}


CONTEXT = click.Context(hero_build)
ALL = {name: hero_build.get_command(CONTEXT, name) for name in summaries()}


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_meaning_is_a_command_line_that_parses(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionCommand, "invoke", lambda _self, context: context.info_name)
    name, *options = COMMANDS[verb].split(" ")
    command = ALL[name]
    assert command is not None
    assert {word for word in options if word.startswith("--")} <= options_of(command)


def test_every_meaning_of_an_option_is_one_of_some_command() -> None:
    known = {word for command in ALL.values() if command for word in options_of(command)}
    for option, meanings in OPTIONS.items():
        assert {word.split(" ")[0] for word in meanings} - {"@all"} <= known, option


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("remove", "uninstall"),
        ("REMOVE", "uninstall"),
        ("removee", "uninstall"),
        ("udpate", "upgrade"),
        ("undo", "rollback"),
        ("info", "show"),
        ("clean", "gc"),
        ("isntall", "install"),
        ("lsit", "list"),
        ("stats", "status"),
        ("frobnicate", ""),
    ],
)
def test_meanings_and_slips_of_the_fingers(typed: str, meant: str) -> None:
    assert command_for(typed, ALL) == meant


def test_the_hint_repeats_what_was_typed() -> None:
    sentence, hint = unknown_command("remove", ["hero_db", "a b"], ALL)
    assert sentence == "unknown command 'remove', did you mean uninstall?"
    assert hint == "Type `hero-build uninstall hero_db 'a b'`."


def test_an_option_means_what_its_command_has() -> None:
    assert "Did you mean --reset?" in unknown_option("--force", ["--reset"], "hero-build install")[1]
    assert "Did you mean --clobber?" in unknown_option("--force", ["--clobber"], "hero-build publish")[1]
    assert "Did you mean" not in unknown_option("--force", ["--json"], "hero-build list")[1]
    assert unknown_option("--yes", [], "hero-build gc")[1] == "hero-build asks no questions: leave it out."
    assert "Did you mean --mode source?" in unknown_option("--source=x", ["--mode"], "hero-build install")[1]


def test_a_verb_without_a_command_has_a_hint_of_its_own() -> None:
    assert COMMANDS.keys().isdisjoint(HINTS)
    assert HINTS.keys().isdisjoint(ALL), "no hint hides a command"
    for verb, hint in HINTS.items():
        assert unknown_command(verb, ["list"], ALL) == (f"unknown command {verb!r}", hint)
        for line in re.findall(r"`hero-build ([a-z]+)[^`]*`", hint):
            assert line in ALL, hint
    assert "FORGEJO_TOKEN" in unknown_command("login", [], ALL)[1]
    assert "shell" not in unknown_command("self", ["update"], ALL)[1]


def test_a_long_option_with_one_dash_is_named_as_it_was_typed(world: World) -> None:
    done = world.run("install", "-locked", "hero.lock")
    assert done.code == 2
    assert "error: hero-build install has no option -locked\n  hint: Did you mean --locked?" in done.err
    assert "has no option -x" in world.run("install", "-xyz", "db").err


@pytest.mark.parametrize("command", ["upgrade", "list", "status"])
def test_all_is_what_a_command_without_names_means(command: str) -> None:
    sentence, hint = unknown_option("--all", ["--json"], f"hero-build {command}")
    assert (sentence, hint) == (f"hero-build {command} has no option --all", "Leave it out: without APP it means all.")
    assert "@all" in unknown_option("--all", ["--json", "@all"], "hero-build install")[1]


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("undo db", "`hero-build rollback --help` says what it takes."),
        ("prune db", "`hero-build gc --help` says what it takes."),
        ("rm", "`hero-build uninstall --help` says what it takes."),
        ("remove --frob db", "`hero-build uninstall --help` says what it takes."),
        ("remove db", "Type `hero-build uninstall db`."),
        ("remove --help", "Type `hero-build uninstall --help`."),
        ("downgrade db", "`hero-build install APP@VERSION` installs an older version; …"),
        ("rollback db", "…one app alone: `hero-build install APP@VERSION`."),
        ("gc --all", "`hero-build gc --help` lists its options."),
        ("uninstall --all", "Did you mean @all? …"),
        ("install db --latest", "Leave it out: without APP@VERSION it is the newest release."),
        ("upgrade hero-build", "hero-build itself is upgraded as it was installed: …"),
    ],
)
def test_the_hint_is_a_line_that_works(line: str, hint: str, two_apps: World) -> None:
    done = two_apps.run(*line.split())
    assert done.code in (2, 3)
    (text,) = re.findall(r"^  hint: (.*)$", done.err, re.MULTILINE)
    assert re.fullmatch(re.escape(hint).replace("…", ".*"), text), text


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("db==v1", "Did you mean db@v1? `hero-build list` shows all."),
        ("DB=1.2", "Did you mean db@1.2? `hero-build list` shows all."),
        ("db:v2", "Did you mean db@v2? `hero-build list` shows all."),
        ("d?", "Patterns are not expanded: name each app (db), or a set, such as @all. `hero-build list` shows all."),
        ("x*", "Patterns are not expanded: name each app, or a set, such as @all. `hero-build list` shows all."),
        (".", "Name an app: `--mode source APP` builds its checkout. `hero-build list` shows all."),
        ("./db", "Did you mean db, or its checkout, `--mode source db`? `hero-build list` shows all."),
        ("o/db", "Did you mean db, or its checkout, `--mode source db`? `hero-build list` shows all."),
    ],
)
def test_an_app_as_other_programs_write_it(typed: str, hint: str, two_apps: World) -> None:
    done = two_apps.run("install", typed)
    assert done.code == 3
    assert hint in done.err


@pytest.mark.parametrize(
    ("typed", "meant"), [("all", "@all"), ("both", "@both"), ("DB", "db"), ("d-b", "db"), ("bd", "db"), ("@db", "db")]
)
def test_an_app_by_another_spelling(typed: str, meant: str, two_apps: World) -> None:
    done = two_apps.run("install", typed)
    assert done.code == 3
    assert f"Did you mean {meant}? " in done.err


@pytest.mark.parametrize(("typed", "meant"), [("db", "hero_db"), ("HERO_DB", "hero_db"), ("hero_prco", "hero_proc")])
def test_an_app_by_a_part_of_its_name(typed: str, meant: str, world: World) -> None:
    done = world.run("install", typed)
    assert done.code == 3
    assert f"Did you mean {meant}? " in done.err


def test_the_beginning_of_an_option_comes_first() -> None:
    known = ["--ref", "--version", "--verbose", "--no-restart"]
    assert "Did you mean --version or --verbose?" in unknown_option("--ver", known, "hero-build install")[1]
    assert "Did you mean --version?" in unknown_option("--vers=v1", known, "hero-build install")[1]
    assert "Did you mean" not in unknown_option("--", known, "hero-build install")[1]


def test_an_option_of_a_command_before_it() -> None:
    sentence, hint = unknown_option("-n", ["--root", "--json"], "hero-build")
    assert sentence == "hero-build has no option -n"
    assert "after it: `hero-build COMMAND -n`" in hint


def test_a_version_that_stands_alone() -> None:
    for version in ("v0.3.1", "0.3", "1", "v2.0.0-rc.1"):
        assert f"APP@{version}" in meant_app(version, ["hero_db"], [])
    assert "APP@" not in meant_app("v8engine", ["hero_db"], [])
