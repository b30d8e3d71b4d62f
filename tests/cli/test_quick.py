"""Command lines that need no parsing mean what they mean to click, and anything else is left to it."""

import click
import pytest

from hero_build.cli.bundles import islands, shell
from hero_build.cli.install import install
from hero_build.cli.install_options import InstallOptions
from hero_build.cli.quick import _install_words, install_options, needs_no_parsing

COMMON = {"root", "forge", "supervisor", "json", "quiet", "verbose", "jobs", "colour", "wait"}


@pytest.mark.parametrize(
    "words",
    [
        "list",
        "list --json",
        "--json list",
        "install db",
        "install @both web@v1 --json",
        "install --mode source db",
        "install db --mode download",
        "install --json db --mode auto --json",
        "islands",
        "islands notes --mode source radio --json",
        "shell --mode source",
    ],
)
def test_what_needs_no_parsing(words: str) -> None:
    assert needs_no_parsing(words.split(" "))


@pytest.mark.parametrize(
    "words",
    [
        "list --json --json",
        "list db",
        "install",
        "install --json",
        "install -n db",
        "install db --mode",
        "install db --mode none",
        "install --mode",
        "install db --mode auto --mode source",
        "install db --mode=source",
        "install -- db",
        "install db --root r",
        "install db -q",
        "install --help",
        "--json install db",
        "islands -n",
        "islands notes --backend wasm-pack",
        "islands --mode none",
        "shell notes",
        "--json shell",
    ],
)
def test_what_click_parses(words: str) -> None:
    assert not needs_no_parsing(words.split(" "))


@pytest.mark.parametrize("words", ["", "--mode source", "--json", "--mode download --json"])
@pytest.mark.parametrize("command", [islands, shell])
def test_the_same_options_of_bundles_as_by_click(command: click.Command, words: str) -> None:
    """A new option of either must have a default in InstallOptions, or in `install_bundles`."""
    arguments = [*(["notes"] if command is islands else []), *words.split()]
    parsed = command.make_context(command.name, list(arguments)).params
    fields = InstallOptions.__struct_fields__
    assert InstallOptions(**{name: parsed[name] for name in fields if name in parsed}) == install_options(arguments)
    assert parsed.get("names", ()) == _install_words(arguments)[0]
    assert not any(parsed[name] for name in ("restart", "rollback_on_failure", "dry_run"))
    assert set(parsed) <= {*fields, "restart", "rollback_on_failure", "dry_run", *COMMON, "names"}


@pytest.mark.parametrize("words", ["db", "@both web@v1", "--mode source db web", "db --mode download", "--json db"])
def test_the_same_options_as_by_click(words: str) -> None:
    """A new option of `install` must have a default in InstallOptions, or in `install_apps`."""
    arguments = words.split(" ")
    parsed = install.make_context("install", list(arguments)).params
    fields = InstallOptions.__struct_fields__
    assert InstallOptions(**{name: parsed[name] for name in fields if name in parsed}) == install_options(arguments)
    assert parsed["apps"] == _install_words(arguments)[0]
    others = {"with_needs", "restart", "rollback_on_failure", "dry_run"}
    assert {name for name in others if parsed[name]} == set()
    assert set(parsed) <= {*fields, *others, *COMMON, "apps"}
