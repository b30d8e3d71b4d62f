"""Each guide, followed to its end on a bare Debian 12 machine: README's installation first, then block by block."""

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from support import actions_runner, debian, guides, hero_forge
from support.actions_runner import ended, logs
from support.debian import HOME, Machine
from support.forge_server import ForgeServer, changed_server
from support.guides import Reader, Step
from support.processes import until
from support.worlds import REPO

GUIDES = REPO / "docs" / "guides"
LEFT_OUT = {
    "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y": "no package registry has it: this "
    "machine's toolchain is where rustup puts one",
    "rustup target add x86_64-unknown-linux-musl": "no package registry has it: the recipe of this test is for gnu",
}
CODES = {
    "hero-build doctor --publish": 8,  # no Rust target for musl
    "hero-build verify": 5,  # the reader has deleted a file
}
PREPARED = {"recipe": "1. Prepare the machine"}
"""The section of the developer's guide that a guide begins with."""
RUST = {"developer", "recipe", "ci"}
_APT = "sudo apt "
_ENV = """export PATH="$HOME/.cargo/bin:$PATH"\n"""

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="session")  # filled once, whatever tests of other modules run in between
def forge(forge_server: ForgeServer, tmp_path_factory: pytest.TempPathFactory) -> ForgeServer:
    hero_forge.fill(forge_server, tmp_path_factory.mktemp("forge"))
    return forge_server


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for machines, which are large: not one of those that pytest keeps."""
    with tempfile.TemporaryDirectory(prefix="debian-") as made:
        yield Path(made)


@pytest.fixture(scope="session")
def ready(forge: ForgeServer) -> Iterator[Machine]:
    """A machine after the section "Install" of the README."""
    with tempfile.TemporaryDirectory(prefix="debian-") as made:
        yield installed(forge, Path(made))


def test_what_root_does_to_devices_there_stays_there(ready: Machine, folder: Path) -> None:
    done = ready.copy(folder).run("sudo rm /dev/null && sudo touch /dev/null && sudo chmod 600 /dev/zero")
    assert done.code == 0, done.out
    modes = [os.stat(device).st_mode for device in ("/dev/null", "/dev/zero")]
    assert [(stat.S_ISCHR(mode), stat.S_IMODE(mode)) for mode in modes] == [(True, 0o666)] * 2


def installed(forge: ForgeServer, folder: Path) -> Machine:
    machine = debian.machine(folder)
    todo = list(guides.steps(REPO / "README.md", "Install"))
    machine.install(packages(todo))
    guides.follow(machine, unpacked(todo), reader(forge))
    return machine


def packages(todo: Sequence[Step]) -> str:
    """The commands that install packages; their effect is kept between test runs."""
    return "\n".join(step.command for step in todo if step.command.startswith(_APT))


def unpacked(todo: Sequence[Step]) -> Sequence[Step]:
    """What is left to do once the packages are installed."""
    return [step for step in todo if not step.command.startswith(_APT)]


def reader(forge: ForgeServer, **environ: str) -> Reader:
    replaced = {"https://forge.ourworld.tf": forge.url}
    return Reader(replaced, codes=CODES, left_out=LEFT_OUT, environ={"FORGEJO_URL": forge.url, **environ})


def begin(name: str, ready: Machine, folder: Path) -> tuple[Machine, Sequence[Step]]:
    """A machine for the reader of a guide, and what that guide says to do."""
    prepared = guides.steps(GUIDES / "developer.md", PREPARED[name]) if name in PREPARED else ()
    todo = [*prepared, *guides.steps(GUIDES / f"{name}.md")]
    machine = ready.copy(folder / "machine")
    machine.install(packages(todo))
    return machine.bound(rust(folder)) if name in RUST else machine, unpacked(todo)


def rust(folder: Path) -> Mapping[str, Path]:
    """This machine's toolchain, where rustup would have put it."""
    (folder / "env").write_text(_ENV)
    cargo = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    rustup = Path(os.environ.get("RUSTUP_HOME") or Path.home() / ".rustup")
    return {f"{HOME}/.cargo/bin": cargo / "bin", f"{HOME}/.cargo/env": folder / "env", f"{HOME}/.rustup": rustup}


def test_every_guide_is_followed() -> None:
    assert {path.stem for path in GUIDES.iterdir()} == {"operator", "developer", "recipe", "runtime", "ci"}


@pytest.mark.parametrize("name", ["operator", "developer", "recipe", "runtime"])
def test_a_reader_gets_to_the_end(name: str, ready: Machine, forge: ForgeServer, folder: Path) -> None:
    machine, todo = begin(name, ready, folder)
    guides.follow(machine, todo, reader(forge))


def test_a_pushed_tag_becomes_a_release(ready: Machine, folder: Path) -> None:
    """The guide for CI: the runner takes its jobs on the machine that the guide has prepared."""
    push = "git push origin v0.4.0"
    with changed_server() as forge:
        (folder / "forge").mkdir()
        hero_forge.fill(forge, folder / "forge", {"hero_db": ()})
        actions_runner.create_checkout_action(forge)
        machine, todo = begin("ci", ready, folder)
        pushed = [step.command for step in todo].index(push) + 1
        binds = {"/opt/runner": actions_runner.program(), "/opt/recipes": hero_forge.gnu_recipes()}
        machine = machine.bound(binds)
        person = reader(forge, HERO_RECIPES="/opt/recipes")
        assert machine.run(may_push(forge)).code == 0
        token = forge.api("POST", f"/repos/{hero_forge.OWNER}/hero_db/actions/runners/registration-token")["token"]
        command = f". ~/.cargo/env\n/opt/runner -url {forge.url} -token {token} -dir ~/work\n"
        with machine.running(command, folder / "log", **person.environ):
            guides.follow(machine, todo[:pushed], person)
            repo = f"{hero_forge.OWNER}/hero_db"
            assert until(lambda: ended(forge, repo)), logs(forge, repo) + (folder / "log").read_text()
        guides.follow(machine, todo[pushed:], person, folder=f"{HOME}/hero_db")


def test_it_is_upgraded_removed_and_installed_in_other_ways(ready: Machine, forge: ForgeServer, folder: Path) -> None:
    """What it has installed keeps working without it."""
    page = REPO / "docs" / "install.md"
    works = [Step("hero-build --version"), Step("hero-build verify")]
    gone = [Step("[ ! -e ~/.local/bin/hero-build ]"), Step("~/hero/bin/hero_db --version", ("hero_db v0.3.2",))]
    todo = [Step("hero-build install hero_db"), *guides.steps(page, "Upgrade and removal"), *gone]
    todo += [
        Step("pipx install uv"),
        *guides.steps(page, "With uv"),
        *works,
        Step("uv tool uninstall hero-build"),
        *gone,
    ]
    todo += [*guides.steps(page, "In a virtual environment"), *works]
    guides.follow(ready.copy(folder / "machine"), todo, replace(reader(forge), codes={}))


def may_push(forge: ForgeServer) -> str:
    """git knows the reader's password for the forge."""
    store = f"git config --global credential.helper store\necho {hero_forge.with_token(forge)} > ~/.git-credentials\n"
    return f"set -e\n{store}git config --global user.name Me\ngit config --global user.email me@forge.example\n"
