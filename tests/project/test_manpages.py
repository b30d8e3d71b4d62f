"""The manual pages of docs/man/ are those of the help texts: `make man` writes them."""

import subprocess
from pathlib import Path

import pytest

from hero_build.cli.app import summaries
from tools import manpages

TEXTS = manpages.pages()


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_a_page_is_what_the_help_says(path: Path) -> None:
    assert path.read_text() == TEXTS[path], "run `make man`"


def test_every_command_has_a_page_and_no_other_is_there() -> None:
    assert {f"hero-build-{name}.1" for name in summaries()} <= {path.name for path in TEXTS}
    assert {path.name for path in TEXTS} == {path.name for path in manpages.MAN.iterdir()}


def test_man_renders_every_page_without_a_warning() -> None:
    command = ["man", "--warnings", "-l", *map(str, TEXTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("SYNOPSIS") == len(TEXTS)


def test_an_option_is_shown_as_it_is_typed() -> None:
    command = ["man", "-l", str(manpages.MAN / "hero-build-install.1")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"LC_ALL": "C", "PATH": "/usr/bin"})
    assert "\n       -n, --dry-run\n" in done.stdout
