"""Whether a shell finds the programs of a root, and the line that makes it find them, as real shells read it."""

import os
import subprocess
from pathlib import Path

import pytest

from hero_build.queries.path_advice import path_advice


def test_a_folder_on_path_needs_no_advice(tmp_path: Path) -> None:
    assert path_advice(tmp_path, {"PATH": f"/usr/bin{os.pathsep}{tmp_path}"}) is None


@pytest.mark.parametrize(
    ("shell", "profile"),
    [("/bin/bash", "~/.bashrc"), ("/usr/bin/zsh", "~/.zshrc"), ("/bin/sh", "~/.profile"), ("", "~/.profile")],
)
def test_the_profile_is_that_of_the_shell(shell: str, profile: str, tmp_path: Path) -> None:
    advice = path_advice(tmp_path, {"PATH": "/usr/bin", "SHELL": shell})
    assert advice is not None
    assert (advice.profile, advice.line) == (profile, f'export PATH="{tmp_path}:$PATH"')


def test_fish_keeps_its_path_itself() -> None:
    advice = path_advice(Path("/a b/bin"), {"PATH": "/usr/bin", "SHELL": "/usr/bin/fish"})
    assert advice is not None
    assert (advice.profile, advice.line) == ("", "fish_add_path '/a b/bin'")


@pytest.mark.parametrize("name", ["plain", "a b", 'quo"te', "dollar$HOME", "back`tick", "back\\slash"])
def test_a_shell_finds_programs_after_the_line(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "prog").write_text("#!/bin/sh\necho it runs\n")
    (folder / "prog").chmod(0o755)
    advice = path_advice(folder, {"PATH": "/usr/bin", "SHELL": "/bin/bash"})
    assert advice is not None
    done = subprocess.run(["sh", "-c", f"{advice.line}\nprog"], capture_output=True, text=True, check=True)
    assert done.stdout == "it runs\n"
