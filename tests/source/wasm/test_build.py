"""A bundle that cannot be made fails alone, with what was said last; what no bundle is to blame for fails them all."""

import shutil
import signal
import threading
from pathlib import Path

import pytest

from hero_build.errors import BuildError, BundleNotFound, HeroBuildError, MissingTool
from hero_build.model.artifacts import Cargo
from hero_build.source.wasm import plan
from hero_build.source.wasm.types import Backend, BuildWatch, BundleResult, FailedBundle
from hero_build.system.process import Cancelled
from support import island_workspace
from support.island_workspace import IslandWorkspace, bundle_folder
from support.processes import gone, until
from support.spies import stand_in

pytestmark = pytest.mark.timeout(1800)
SCHEMA = '{"schema_version":"0.0.1","version":"0.0.1"}'
FOREIGN = f"""
#[used]
#[link_section = "__wasm_bindgen_unstable"]
static FOREIGN: [u8; {4 + len(SCHEMA)}] = *b"\\x{len(SCHEMA):02x}\\0\\0\\0{SCHEMA.replace('"', chr(92) + '"')}";
"""
"""What the macros of a wasm-bindgen leave in a module for the tool; here, of one of another format."""


def broken(result: BundleResult) -> BuildError:
    assert isinstance(result, FailedBundle), result
    assert isinstance(result.error, BuildError)
    return result.error


@pytest.mark.parametrize("backend", ["direct", "wasm-pack"])
def test_an_island_that_does_not_compile(backend: Backend, tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "greeter", "notes")
    site.edit("islands/notes/src/lib.rs", "u32 {", 'u32 { let \u00fcber: u32 = "no number";')
    bundles = site.build(tmp_path / "out", backend=backend)
    assert bundle_folder(bundles["island_greeter"]).is_dir()
    error = broken(bundles["island_notes"])
    assert error.code == 6
    assert "error[E0308]: mismatched types" in error.message
    assert any("no number" in line for line in error.tail)
    assert len(error.tail) <= 200
    assert error.log is not None
    assert "mismatched types" in error.log.read_text()
    assert not (tmp_path / "out/island_notes").exists()


def test_the_tail_is_of_the_island_itself(tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "greeter", "notes", "clock")
    site.edit("islands/notes/src/lib.rs", "u32 {", "u32 { notes_is_broken();")
    site.edit("islands/clock/src/lib.rs", "Clock { ticks: 0 }", "clock_is_broken()")
    bundles = site.build(tmp_path / "out")
    assert bundle_folder(bundles["island_greeter"]).is_dir()
    for name, other in (("notes", "clock"), ("clock", "notes")):
        text = "\n".join(broken(bundles[f"island_{name}"]).tail)
        assert f"{name}_is_broken" in text
        assert f"{other}_is_broken" not in text


def test_what_they_share_does_not_compile(tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "greeter", "inspector")
    site.edit("common/src/lib.rs", "let text =", "let text = shared_is_broken();\n    let text =")
    bundles = site.build(tmp_path / "out")
    assert bundle_folder(bundles["island_inspector"]).is_dir()
    assert "cannot find function `shared_is_broken`" in broken(bundles["island_greeter"]).message


def test_an_island_that_wasm_bindgen_refuses(tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "greeter", "notes")
    with (site.tree / "islands/notes/src/lib.rs").open("a") as source:
        source.write(FOREIGN)
    bundles = site.build(tmp_path / "out")
    assert bundle_folder(bundles["island_greeter"]).is_dir()
    error = broken(bundles["island_notes"])
    assert error.message.startswith("wasm-bindgen ended with 1 for island_notes: error: ")
    assert error.tail
    assert error.log is not None
    assert error.log.is_file()


def test_an_island_that_wasm_opt_crashes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = island_workspace.site(tmp_path, "greeter", "notes")
    real = shutil.which("wasm-opt")
    crash = f'case "$1" in *island_notes*) echo "assertion failed" >&2; kill -ABRT $$;; esac\nexec {real} "$@"'
    stand_in(tmp_path / "path", name="wasm-opt", script=crash, monkeypatch=monkeypatch)
    bundles = site.build(tmp_path / "out")
    assert bundle_folder(bundles["island_greeter"]).is_dir()
    assert (
        broken(bundles["island_notes"]).message == "wasm-opt was ended by signal 6 for island_notes: assertion failed"
    )
    (tmp_path / "path/wasm-opt").unlink()  # what failed was not kept: the next build makes it
    assert bundle_folder(site.build(tmp_path / "again")["island_notes"]).is_dir()


def test_a_wasm_opt_that_writes_no_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = island_workspace.site(tmp_path, "notes")
    lazy = f'case "$1" in *island_notes*) exit 0;; esac\nexec {shutil.which("wasm-opt")} "$@"'
    stand_in(tmp_path / "path", name="wasm-opt", script=lazy, monkeypatch=monkeypatch)
    assert "wrote no module" in broken(site.build(tmp_path / "out")["island_notes"]).message


def test_two_crates_with_one_library_name(tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "greeter", "notes")
    site.edit("islands/notes/Cargo.toml", "island_notes", "island_greeter")
    with pytest.raises(BuildError, match=r"greeter and notes of .* both have a library island_greeter") as caught:
        site.build(tmp_path / "out")
    assert "[lib]" in caught.value.hint


@pytest.mark.parametrize("name", ["a/b", "../up", "\\u001b[31mred", ""])
def test_a_name_that_cannot_be_a_folder(name: str, tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "greeter")
    site.edit("islands/greeter/Cargo.toml", 'name = "island_greeter"', f'name = "{name}"')
    with pytest.raises(HeroBuildError) as caught:
        plan.discover(site.job())
    assert caught.value.hint


def test_an_unknown_bundle_name(tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "greeter", "notes")
    with pytest.raises(BundleNotFound, match="no bundle 'island_note'") as caught:
        site.build(tmp_path / "out", "island_note")
    assert caught.value.code == 3
    assert caught.value.hint == "There are: island_greeter, island_notes. Nearest: island_notes."
    assert list(site.build(tmp_path / "out", "notes")) == ["island_notes"]  # the package's name will do


def test_a_workspace_without_bundles(tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "greeter")
    site.edit("islands/greeter/Cargo.toml", 'crate-type = ["cdylib", "rlib"]', "")
    with pytest.raises(BundleNotFound, match="no member") as caught:
        site.build(tmp_path / "out")
    assert "cdylib" in caught.value.hint


def test_a_lock_file_that_is_out_of_date(tmp_path: Path) -> None:
    """The error concerns no single island, and cargo does not update the lock file unasked."""
    site = island_workspace.site(tmp_path, "greeter")
    island_workspace.add_island(site.tree, "notes")
    with pytest.raises(BuildError) as caught:
        site.build(tmp_path / "out")
    assert "Cargo.lock is out of date" in caught.value.hint


@pytest.mark.parametrize(
    "table", ["wasm-opt = 3", "wasm-opt = [3]", "wasm-bindgen = 1", "wasm-bindgen.debug-js-glue = 'x'"]
)
def test_a_manifest_that_asks_for_nonsense(table: str, tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "greeter")
    with (site.tree / "islands/greeter/Cargo.toml").open("a") as manifest:
        manifest.write(f"\n[package.metadata.wasm-pack.profile.release]\n{table}\n")
    with pytest.raises(BuildError, match=r"greeter/Cargo\.toml"):
        site.build(tmp_path / "out")


def test_a_machine_that_fails_fails_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = island_workspace.site(tmp_path, "notes")
    site.edit("islands/notes/src/lib.rs", "u32 {", 'u32 { compile_error!("linker `ld` not found");')
    with pytest.raises(MissingTool, match="linker ld"):
        site.build(tmp_path / "out")


def test_cancelling_ends_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = island_workspace.site(tmp_path, "greeter", "notes")
    pids = tmp_path / "pids"
    pids.mkdir()
    slow = f'case "$1" in *island_*) : >{pids}/$$; exec sleep 600;; esac\nexec {shutil.which("wasm-opt")} "$@"'
    stand_in(tmp_path / "path", name="wasm-opt", script=slow, monkeypatch=monkeypatch)
    with pytest.raises(Cancelled):
        site.build(tmp_path / "out", watch=BuildWatch(cancelled=lambda: any(pids.iterdir())))
    processes = [int(path.name) for path in pids.iterdir()]
    assert processes
    assert gone(processes)
    assert not [path for path in (site.cache / "wasm" / "bundles").iterdir() if path.name.startswith(".new-")]


def test_an_interrupt_ends_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While cargo has done and the main thread waits for the others."""
    site = island_workspace.site(tmp_path, "notes")
    pids = tmp_path / "pids"
    pids.mkdir()
    slow = f'case "$1" in *island_*) : >{pids}/$$; exec sleep 600;; esac\nexec {shutil.which("wasm-opt")} "$@"'
    stand_in(tmp_path / "path", name="wasm-opt", script=slow, monkeypatch=monkeypatch)
    interrupter = threading.Thread(target=_interrupt, args=(pids,))
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        site.build(tmp_path / "out")
    interrupter.join()
    assert gone(int(path.name) for path in pids.iterdir())


def _interrupt(pids: Path) -> None:
    """As a terminal does it, once something is noted."""
    until(lambda: any(pids.iterdir()))
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_progress_is_reported(tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "greeter", "shouter")
    stages: list[tuple[str, str]] = []
    counts: list[tuple[int, int | None, str]] = []
    watch = BuildWatch(lambda *values: counts.append(values), lambda *values: stages.append(values))
    site.build(tmp_path / "out", watch=watch)
    assert [stage for name, stage in stages if name == "island_greeter"] == ["wasm-bindgen", "wasm-opt", "built"]
    assert any(crate == "shouter" for _, _, crate in counts)
    stages.clear()
    site.build(tmp_path / "again", watch=watch)
    assert sorted(stages) == [("island_greeter", "unchanged"), ("island_shouter", "unchanged")]


def test_a_recipe_may_narrow_the_workspace(tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "greeter", "notes", "clock")
    narrow = IslandWorkspace(site.tree, site.cache, Cargo(packages=("clock", "notes")))
    assert plan.discover(narrow.job()) == ("island_clock", "island_notes")
    assert list(narrow.build(tmp_path / "out")) == ["island_clock", "island_notes"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["island_clock", "island_notes"]
