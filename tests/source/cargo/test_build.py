"""One call of a real cargo for all that is wanted of a tree: what it makes, what it tells, and how it fails."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from hero_build.errors import BuildError, MissingTool
from hero_build.events import CompileProgress, Event
from hero_build.model.artifacts import Cargo
from hero_build.model.installed import PartId
from hero_build.model.steps import CargoJob
from hero_build.source.cargo import toolchain
from hero_build.source.cargo.build import Progress, build, compile_progress
from hero_build.source.git.status import read_tree
from hero_build.system.process import Cancelled
from support import git_repos, rust_crates
from support.processes import gone, parent, until

pytestmark = pytest.mark.slow
HERE = Path(__file__).parents[3]
BOTH = ("app", "app_server")


@pytest.fixture(autouse=True)
def plain_cargo(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toolchain of this machine, without compiler caches and flags of the person who runs the tests."""
    for name in list(os.environ):
        if name == "RUSTFLAGS" or (name.startswith("CARGO_") and name != "CARGO_HOME"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("RUSTC_WRAPPER", "")


def quiet(done: int, total: int | None, crate: str) -> None:
    """A Progress that no one watches."""


def build_programs(
    tree: Path, *programs: str, cargo: Cargo | None = None, lib: Path | None = None, progress: Progress = quiet
) -> Mapping[str, Path]:
    job = CargoJob(read_tree(tree), cargo=cargo or Cargo(), programs=programs or BOTH, lib=lib)
    return build(job, tree.parent / "build.log", progress)


def run_program(program: Path) -> str:
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout.strip()


def spy(folder: Path, name: str) -> Path:
    """A stand-in on PATH that notes how it is called, and does it; where the notes are."""
    real, notes = shutil.which(name), folder / f"{name}.calls"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f'#!/bin/sh\necho "$@" >>{notes}\nexec {real or ""} "$@"\n')
    (folder / name).chmod(0o755)
    return notes


def test_every_program_that_is_wanted_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = rust_crates.app(tmp_path / "app", **{"src/bin/other.rs": rust_crates.program("other")})
    calls = spy(tmp_path / "path", "cargo")
    monkeypatch.setenv("PATH", f"{calls.parent}{os.pathsep}{os.environ['PATH']}")
    programs = build_programs(tree)
    assert {name: run_program(path) for name, path in programs.items()} == {"app": "app", "app_server": "server"}
    assert not (tree / "target" / "release" / "other").exists()
    built = [line for line in calls.read_text().splitlines() if line.startswith("build ")]
    assert len(built) == 1
    assert "--release" in built[0].split()
    assert "--locked" in built[0].split()
    assert not read_tree(tree).dirty


def test_an_unchanged_build_gives_the_same_answer(tmp_path: Path) -> None:
    tree = rust_crates.app(tmp_path / "app")
    assert build_programs(tree) == build_programs(tree)


def test_a_workspace_of_several_packages(tmp_path: Path) -> None:
    """A root package beside members: cargo alone would look in the root only."""
    files = {
        ".gitignore": "target\nCargo.lock\n",
        "Cargo.toml": rust_crates.manifest("app", '[workspace]\nmembers = ["server", "twin"]\n'),
        "src/main.rs": rust_crates.program("app"),
        "server/Cargo.toml": rust_crates.manifest("server"),
        "server/src/bin/app_server.rs": rust_crates.program("server"),
        "server/src/bin/both.rs": rust_crates.program("both of server"),
        "twin/Cargo.toml": rust_crates.manifest("twin"),
        "twin/src/bin/both.rs": rust_crates.program("both of twin"),
    }
    tree = git_repos.repository(tmp_path / "app", files)
    assert {name: run_program(path) for name, path in build_programs(tree).items()} == {
        "app": "app",
        "app_server": "server",
    }
    with pytest.raises(BuildError, match=r"server and twin of .* each have a program both") as caught:
        build_programs(tree, "both")
    assert "Cargo(packages=" in caught.value.hint
    assert run_program(build_programs(tree, "both", cargo=Cargo(packages=("twin",)))["both"]) == "both of twin"


def test_a_program_that_the_workspace_lacks(tmp_path: Path) -> None:
    tree = rust_crates.app(tmp_path / "app")
    with pytest.raises(BuildError, match="has no program app_srver") as caught:
        build_programs(tree, "app", "app_srver")
    assert caught.value.hint == "It has: app, app_server. Nearest: app."
    assert caught.value.code == 6
    assert not (tree / "target").exists()


def test_features_environment_and_arguments_of_the_recipe(tmp_path: Path) -> None:
    source = """fn main() {
        let on = [cfg!(feature = "usual"), cfg!(feature = "odd"), cfg!(debug_assertions)];
        println!("{on:?} {} {}", env!("GREETING"), env!("LIBS"));
    }"""
    toml = rust_crates.manifest("app", '[features]\ndefault = ["usual"]\nusual = []\nodd = []\n')
    tree = rust_crates.app(tmp_path / "app", **{"Cargo.toml": toml, "src/bin/app.rs": source})
    env = (("GREETING", "hello there"), ("LIBS", "{lib}/x"))
    plain = build_programs(tree, "app", cargo=Cargo(env=env), lib=Path("/libs"))
    assert run_program(plain["app"]) == "[true, false, false] hello there /libs/x"
    args = ("--config", "profile.release.debug-assertions=true")
    special = Cargo(("odd",), False, env, args=args)
    assert (
        run_program(build_programs(tree, "app", cargo=special, lib=Path("/libs"))["app"])
        == "[false, true, true] hello there /libs/x"
    )


def test_the_target_folder_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = rust_crates.app(tmp_path / "app")
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path / "elsewhere"))
    assert build_programs(tree, "app") == {"app": tmp_path / "elsewhere" / "release" / "app"}
    assert not (tree / "target").exists()


def test_progress_is_reported_for_every_part(tmp_path: Path) -> None:
    modules = {f"src/bin/p{number}.rs": rust_crates.program(str(number)) for number in range(4)}
    tree = rust_crates.app(tmp_path / "app", **modules)
    events: list[Event] = []
    parts = (PartId("one"), PartId("two"))
    build_programs(tree, "p0", "p1", "p2", "p3", progress=compile_progress(parts, events.append))
    output = [event for event in events if isinstance(event, CompileProgress)]
    assert {event.part for event in output} == set(parts)
    done = [event.done for event in output if event.part == parts[0]]
    assert done == sorted(done)
    assert done[-1] == 4
    assert {event.total for event in output} <= {None, 4}
    assert any(event.total == 4 for event in output)
    assert "app" in {event.crate for event in output}


def test_a_compile_error(tmp_path: Path) -> None:
    wrong = "\n".join(f"fn f{number}() {{ let x: u8 = {number}.5; }}" for number in range(100))
    tree = rust_crates.app(tmp_path / "app", **{"src/bin/app.rs": f"{wrong}\nfn main() {{}}\n"})
    before = git_repos.files(tree)
    with pytest.raises(BuildError, match=r"cargo could not build app: error") as caught:
        build_programs(tree)
    error = caught.value
    assert error.code == 6
    assert len(error.tail) == 200
    assert any(line.startswith("error: could not compile `app`") for line in error.tail[-3:])
    assert error.log == tmp_path / "build.log"
    log = error.log.read_text()
    assert log.count("error[E0308]") == 100
    assert "\r" not in log
    assert "Building [" not in log
    assert {name: text for name, text in git_repos.files(tree).items() if not name.startswith("target/")} == before


@pytest.mark.parametrize(
    "text", [None, "", "[package", '[package]\nname = "app"\n[dependencies]\nx = { path = "../x" }\n']
)
def test_a_workspace_that_cannot_be_read(tmp_path: Path, text: str | None) -> None:
    tree = rust_crates.app(tmp_path / "app", **{"Cargo.toml": text})
    with pytest.raises(BuildError) as caught:
        build_programs(tree)
    assert str(tree) in caught.value.message + caught.value.hint


def test_a_lock_file_that_is_out_of_date(tmp_path: Path) -> None:
    tree = rust_crates.app(tmp_path / "app", **{"Cargo.lock": rust_crates.LOCK.replace("app", "other")})
    with pytest.raises(BuildError, match="lock file") as caught:
        build_programs(tree)
    assert "Cargo.lock is out of date" in caught.value.hint
    assert git_repos.files(tree)["Cargo.lock"] == rust_crates.LOCK.replace("app", "other").encode()


def test_without_a_lock_file_cargo_makes_one(tmp_path: Path) -> None:
    tree = rust_crates.app(tmp_path / "app", **{"Cargo.lock": None})
    assert run_program(build_programs(tree, "app")["app"]) == "app"
    assert not read_tree(tree).dirty


def test_a_compiler_that_is_too_old(tmp_path: Path) -> None:
    tree = rust_crates.app(tmp_path / "app", **{"Cargo.toml": rust_crates.manifest("app", 'rust-version = "1.999"\n')})
    with pytest.raises(MissingTool, match=r"too old: 1\.999 is needed") as caught:
        build_programs(tree)
    assert caught.value.hint == "Update it with `rustup update`."
    assert caught.value.code == 8


def test_a_toolchain_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUSTUP_AUTO_INSTALL", "0")
    tree = rust_crates.app(tmp_path / "app", **{"rust-toolchain.toml": '[toolchain]\nchannel = "1.12.1"\n'})
    with pytest.raises(MissingTool) as caught:
        build_programs(tree)
    assert "rustup toolchain install 1.12.1" in caught.value.hint


def test_a_target_that_is_missing(tmp_path: Path) -> None:
    tree = rust_crates.app(tmp_path / "app")
    job = CargoJob(read_tree(tree), Cargo(), ("app",), target="s390x-unknown-linux-gnu")
    with pytest.raises(MissingTool) as caught:
        build(job, tmp_path / "log", quiet)
    assert caught.value.hint == "Install it with `rustup target add s390x-unknown-linux-gnu`."


def test_a_linker_that_is_missing(tmp_path: Path) -> None:
    tree = rust_crates.app(tmp_path / "app")
    with pytest.raises(MissingTool, match="linker no-such-linker is not on this machine") as caught:
        build_programs(tree, cargo=Cargo(env=(("RUSTFLAGS", "-Clinker=no-such-linker"),)))
    assert "build-essential" in caught.value.hint


def test_no_cargo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = rust_crates.app(tmp_path / "app")
    job = CargoJob(read_tree(tree), Cargo(), BOTH)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CARGO_HOME", str(tmp_path))
    with pytest.raises(MissingTool, match="cargo is not on this machine") as caught:
        build(job, tmp_path / "log", quiet)
    assert "rustup" in caught.value.hint


def test_cargo_is_found_where_rustup_puts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spy(tmp_path / "bin", "cargo")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("CARGO_HOME", str(tmp_path))
    if shutil.which("cargo") is None:
        assert toolchain.environment()["PATH"] == f"{tmp_path}/bin:/usr/bin:/bin"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert toolchain.environment()["PATH"] == f"{tmp_path}/bin:{tmp_path}"


def test_a_compiler_cache_is_used_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = rust_crates.app(tmp_path / "app")
    calls = spy(tmp_path / "path", "sccache")
    monkeypatch.setenv("PATH", f"{calls.parent}{os.pathsep}{os.environ['PATH']}")
    build_programs(tree, "app")
    assert not calls.exists()
    monkeypatch.delenv("RUSTC_WRAPPER")
    (tree / "src/bin/app.rs").write_text(rust_crates.program("new"))
    assert run_program(build_programs(tree, "app")["app"]) == "new"
    assert "--crate-name app" in calls.read_text()


@pytest.mark.parametrize("configured", [False, True])
def test_cargo_keeps_the_answers_of_rustc_where_an_empty_wrapper_overrides_nothing(
    tmp_path: Path, *, configured: bool
) -> None:
    wrapper = spy(tmp_path / "path", "rustc")
    config = f"[build]\nrustc-wrapper = '{wrapper.with_suffix('')}'\n" if configured else ""
    tree = rust_crates.app(tmp_path / "app", **{".cargo/config.toml": config})
    build_programs(tree, "app")
    assert not wrapper.exists()
    assert (tree / "target" / ".rustc_info.json").exists() is not configured


SMALL = """
import resource, sys
from pathlib import Path
from hero_build.model.artifacts import Cargo
from hero_build.errors import DiskFull
from hero_build.source.cargo.build import build
from hero_build.model.steps import CargoJob
from hero_build.source.git.status import read_tree
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
tree = Path(sys.argv[1])
try:
    build(CargoJob(read_tree(tree), Cargo(), ("app",)), tree.parent / "log", lambda *_: None)
except DiskFull as error:
    print(error.code, error.message, error.hint)
"""


def test_no_room_for_what_is_built(tmp_path: Path) -> None:
    tree = rust_crates.app(tmp_path / "app")
    command = [sys.executable, "-c", SMALL, str(tree)]
    output = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True).stdout
    assert output.startswith("8 the disk is full ")
    assert "cargo clean" in output
    assert not read_tree(tree).dirty


FOREVER = """fn main() {
    std::fs::write("pid.new", std::process::id().to_string()).unwrap();
    std::fs::rename("pid.new", std::env::var("PIDFILE").unwrap()).unwrap();
    loop { std::thread::sleep(std::time::Duration::from_secs(600)); }
}
"""
BUILD = """
import sys
from pathlib import Path
from hero_build.model.artifacts import Cargo
from hero_build.source.cargo.build import build
from hero_build.model.steps import CargoJob
from hero_build.source.git.status import read_tree
tree = Path(sys.argv[1])
try:
    build(CargoJob(read_tree(tree), Cargo(), ("app",)), tree.parent / "log", lambda *_: None)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_ends_cargo_and_all_that_it_started(tmp_path: Path) -> None:
    tree = rust_crates.app(tmp_path / "app", **{"build.rs": FOREVER})
    note = tmp_path / "pid"
    command = [sys.executable, "-c", BUILD, str(tree)]
    env = {**os.environ, "PIDFILE": str(note)}
    with subprocess.Popen(command, cwd=HERE, env=env, stdout=subprocess.PIPE, text=True) as child:
        assert until(note.exists)
        pid = int(note.read_text())
        cargo = parent(pid)
        child.send_signal(signal.SIGINT)
        assert child.communicate()[0] == "interrupted\n"
    assert gone([pid, cargo])


def test_a_build_that_is_called_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = rust_crates.app(tmp_path / "app", **{"build.rs": FOREVER})
    note = tmp_path / "pid"
    monkeypatch.setenv("PIDFILE", str(note))
    with pytest.raises(Cancelled):
        build(CargoJob(read_tree(tree), Cargo(), ("app",)), log=tmp_path / "log", progress=quiet, cancelled=note.exists)
    assert gone([int(note.read_text())])


def test_a_build_that_was_killed_is_done_again(tmp_path: Path) -> None:
    tree = rust_crates.app(tmp_path / "app", **{"build.rs": FOREVER})
    note = tmp_path / "pid"
    env = {**os.environ, "PIDFILE": str(note)}
    with subprocess.Popen([sys.executable, "-c", BUILD, str(tree)], cwd=HERE, env=env) as child:
        assert until(note.exists)
        child.kill()
    os.killpg(os.getpgid(int(note.read_text())), signal.SIGKILL)
    assert gone([int(note.read_text())])
    (tree / "build.rs").unlink()
    assert run_program(build_programs(tree, "app")["app"]) == "app"
