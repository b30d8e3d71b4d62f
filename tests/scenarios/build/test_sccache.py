"""The compiler cache: used and recorded where it is there and wanted; the real one shares its work."""

from pathlib import Path

import pytest

from support import rust_crates, sccache_server, source_builds
from support.source_builds import SOURCE, installed_app, program_output
from support.worlds import World

WORDS = 'pub fn word() -> &\'static str {{ "{text}" }}\n'
APP = {
    **{name: text for name, text in rust_crates.APP.items() if name != "Cargo.lock"},
    "Cargo.toml": rust_crates.manifest("app", '[dependencies]\nword = { path = "word" }\n'),
    "word/Cargo.toml": rust_crates.manifest("word"),
    "word/src/lib.rs": WORDS.format(text="one"),
    "src/bin/app.rs": 'fn main() { println!("{}", word::word()); }\n',
}
"""With a library crate: the linking of programs is nothing that sccache caches."""
STAND_IN = '#!/bin/sh\necho "$1" >>{notes}\nexec "$@"\n'


@pytest.fixture
def wrappers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for sccache on PATH, which compiles and notes that it was asked; where the notes are."""
    monkeypatch.delenv("RUSTC_WRAPPER")
    spies = source_builds.spies(tmp_path / "wrappers", "cargo")
    (spies.folder / "sccache").write_text(STAND_IN.format(notes=tmp_path / "wrapped"))
    (spies.folder / "sccache").chmod(0o755)
    monkeypatch.setenv("PATH", spies.path())
    return tmp_path / "wrapped"


def test_on_path_it_wraps_the_compiler_and_is_recorded(world: World, wrappers: Path) -> None:
    source_builds.add_app(world, files=APP)
    world.ok(*SOURCE)
    assert installed_app(world)["build"]["wrapper"] == "sccache"
    assert {Path(line).name for line in wrappers.read_text().splitlines()} == {"rustc"}
    assert "sccache" in world.ok("explain", "app", "--mode", "source")


def test_an_empty_RUSTC_WRAPPER_means_none(world: World, wrappers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source_builds.add_app(world, files=APP)
    monkeypatch.setenv("RUSTC_WRAPPER", "")
    world.ok(*SOURCE)
    assert installed_app(world)["build"]["wrapper"] == ""
    assert not wrappers.exists()


def test_with_or_without_it_the_result_is_the_same(
    world: World, wrappers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed wrapper does not cause a rebuild."""
    source_builds.add_app(world, files=APP)
    world.ok(*SOURCE)
    monkeypatch.setenv("RUSTC_WRAPPER", "")
    assert "nothing to do" in world.ok(*SOURCE)


def test_two_roots_with_two_target_folders_share_its_work(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second compiles nothing anew that can be cached. The real sccache, with its cache on a local disk."""
    monkeypatch.delenv("RUSTC_WRAPPER")
    source_builds.add_app(world, files=APP)
    second = World(tmp_path / "second")
    second.folder.mkdir()
    second.mirror.symlink_to(world.mirror)
    second.recipes.symlink_to(world.recipes)
    code = {"CODEROOT": str(tmp_path / "code")}  # what is compiled elsewhere is something else to sccache
    with sccache_server.sccache_server(tmp_path / "cached") as sccache:
        for number, root in enumerate((world, second)):
            target = {"CARGO_TARGET_DIR": str(tmp_path / f"target-{number}")}
            done = root.run(*SOURCE, env={**sccache.environ(), **code, **target})
            assert done.code == 0, done.err
            assert program_output(root) == "one"
            assert installed_app(root)["build"]["wrapper"] == "sccache"
            if number == 0:
                assert (sccache.hits(), sccache.misses()) == (0, 1)
        assert (sccache.hits(), sccache.misses()) == (1, 1)
    assert [path for path in (tmp_path / "cached").rglob("*") if path.is_file()]


def test_a_server_that_cannot_start_stops_no_build(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compiler cache is to save time; whether it can, a build does not depend on."""
    monkeypatch.delenv("RUSTC_WRAPPER")
    source_builds.add_app(world, files=APP)
    with sccache_server.sccache_server(tmp_path / "cached") as sccache:
        (tmp_path / "cached").write_text("in the way")
        done = world.run(*SOURCE, env=sccache.environ())
    assert done.code == 0, done.err
    assert program_output(world) == "one"
