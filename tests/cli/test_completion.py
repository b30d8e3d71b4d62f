"""Completion scripts, and what they complete."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import worlds
from support.processes import LONG
from support.worlds import World

pytestmark = pytest.mark.usefixtures("two_apps")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_of_its_shell(shell: str, world: World, tmp_path: Path) -> None:
    script = world.ok("completion", shell)
    assert "_HERO_BUILD_COMPLETE" in script
    file = tmp_path / "script"
    file.write_text(script)
    interpreter = shutil.which(shell)
    if interpreter is not None:
        subprocess.run([interpreter, "-n", file], check=True, capture_output=True)
    assert worlds.valid(world.run("completion", shell, "--json").document)["script"].strip() == script.strip()


def complete(world: World, *words: str) -> set[str]:
    """What bash offers for the last word."""
    env = {
        "_HERO_BUILD_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["hero-build", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = world.run(env=env)
    return {line.removeprefix("plain,") for line in done.out.splitlines()}


def test_commands_apps_sets_and_generations(world: World) -> None:
    world.ok("install", "db", "--version", "v1")
    assert complete(world, "inst") == {"install"}
    assert complete(world, "install", "d") == {"db"}
    assert complete(world, "install", "@bo") == {"@both"}
    assert complete(world, "uninstall", "") == {"db"}
    assert complete(world, "rollback", "") == {"1"}
    assert complete(world, "install", "--mo") == {"--mode"}
    assert complete(world, "install", "--mode", "") == {"auto", "download", "source"}


def test_bash_completes_by_the_script(world: World, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "hero-build"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m hero_build "$@"\n')
    program.chmod(0o755)
    (tmp_path / "script").write_text(world.ok("completion", "bash"))
    asked = (
        f"source {tmp_path}/script; COMP_WORDS=(hero-build show hero_db); COMP_CWORD=2; "
        'complete -p hero-build >&2; _hero_build_completion hero-build; echo "${COMPREPLY[@]}"'
    )
    environ = world.environ() | {"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}
    command = ["bash", "-c", asked]
    done = subprocess.run(command, env=environ, cwd=worlds.REPO, capture_output=True, text=True, timeout=LONG)
    assert done.stdout.split() == ["hero_db"], done.stderr


def install_completion(world: World, home: Path, shell: str = "bash", **environ: str) -> str:
    done = world.run("completion", shell, "--install", env={"HOME": str(home), **NO_XDG, **environ})
    assert done.code == 0, done.err
    return done.out


NO_XDG = {"XDG_DATA_HOME": "", "XDG_CONFIG_HOME": "", "ZDOTDIR": ""}


@pytest.mark.parametrize("before", [None, "", "alias ll='ls -l'\n", "no newline at its end"])
def test_a_fresh_account_completes_after_install(before: str | None, world: World, tmp_path: Path) -> None:
    """A new interactive bash of the account, with nothing but its ~/.bashrc, completes."""
    program = tmp_path / "bin" / "hero-build"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m hero_build "$@"\n')
    program.chmod(0o755)
    if before is not None:
        (tmp_path / ".bashrc").write_text(before)
    assert "wrote" in install_completion(world, tmp_path)
    environ = world.environ() | {"PATH": f"{program.parent}:/usr/bin:/bin", "HOME": str(tmp_path), **NO_XDG}
    asked = "COMP_WORDS=(hero-build show hero_d); COMP_CWORD=2; _hero_build_completion hero-build; echo ${COMPREPLY[@]}"
    done = subprocess.run(
        ["bash", "-i", "-c", asked], env=environ, cwd=worlds.REPO, capture_output=True, text=True, check=True
    )
    assert {"hero_db", "hero_do"} <= set(done.stdout.split())
    assert (tmp_path / ".bashrc").read_text().startswith(before or "")


FILES = {
    "bash": {".bashrc", ".local/share/hero-build/completion.bash"},
    "zsh": {".zshrc", ".local/share/hero-build/completion.zsh"},
    "fish": {".config/fish/completions/hero-build.fish"},
}


@pytest.mark.parametrize("shell", FILES)
def test_install_twice_changes_nothing_and_renews_an_old_script(shell: str, world: World, tmp_path: Path) -> None:
    home = tmp_path / "home"

    def tree() -> dict[str, str]:
        return {str(path.relative_to(home)): path.read_text() for path in home.rglob("*") if path.is_file()}

    install_completion(world, home, shell)
    before = tree()
    assert before.keys() == FILES[shell]
    assert "nothing to do" in install_completion(world, home, shell)
    assert tree() == before
    (script,) = FILES[shell] - {".bashrc", ".zshrc"}
    (home / script).write_text("an older one")
    install_completion(world, home, shell)
    assert tree() == before


def test_install_writes_through_a_linked_start_file_and_into_other_folders(world: World, tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles" / "bashrc").write_text("# mine\n")
    (tmp_path / ".bashrc").symlink_to("dotfiles/bashrc")
    install_completion(world, tmp_path, XDG_DATA_HOME=str(tmp_path / "data"))
    assert (tmp_path / ".bashrc").is_symlink()
    assert str(tmp_path / "data" / "hero-build" / "completion.bash") in (tmp_path / "dotfiles" / "bashrc").read_text()
    document = worlds.valid(
        world.run("completion", "zsh", "--install", "--json", env={"HOME": str(tmp_path), **NO_XDG}).document
    )
    assert document["changed"] == document["installed"]
    assert document["installed"][1] == str(tmp_path / ".zshrc")


def test_install_into_a_place_that_refuses_it_is_8(world: World, tmp_path: Path) -> None:
    (tmp_path / ".local").write_text("a file")
    done = world.run("completion", "bash", "--install", env={"HOME": str(tmp_path), **NO_XDG})
    assert done.code == 8
    assert not (tmp_path / ".bashrc").exists()


def test_a_start_file_that_is_a_link_into_nowhere(world: World, tmp_path: Path) -> None:
    (tmp_path / ".bashrc").symlink_to("dotfiles/bashrc")
    done = world.run("completion", "bash", "--install", env={"HOME": str(tmp_path), **NO_XDG})
    assert done.code == 8
    assert f"{tmp_path}/.bashrc leads to {tmp_path}/dotfiles/bashrc, whose folder does not exist" in done.err
    (tmp_path / "dotfiles").mkdir()
    install_completion(world, tmp_path)
    assert (tmp_path / "dotfiles" / "bashrc").is_file()


def test_installed_completion_completes_held_apps(world: World) -> None:
    world.ok("install", "db")
    world.ok("hold", "db")
    assert complete(world, "unhold", "") == {"db"}
    assert complete(world, "install", "@in") == {"@installed"}
