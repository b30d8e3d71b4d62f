"""Completion scripts, and what they complete."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import worlds
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
    done = subprocess.run(
        ["bash", "-c", asked], env=environ, cwd=worlds.REPO, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["hero_db"], done.stderr
