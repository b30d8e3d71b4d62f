"""What is kept between builds: taken only if it is sound, bounded, and never in the way of a build."""

import os
import shutil
from pathlib import Path

import pytest

from hero_build.source.wasm import cache
from support import island_workspace
from support.island_workspace import files
from support.spies import calls, record_calls

pytestmark = pytest.mark.timeout(1800)


def put(place: Path, key: str, **content: str) -> None:
    with cache.new_entry(place) as folder:
        bundles = folder / "made"
        for name, text in content.items():
            (bundles / name).parent.mkdir(parents=True, exist_ok=True)
            (bundles / name).write_text(text)
        cache.store(place, key, bundles)


def test_a_stored_bundle_is_restored(tmp_path: Path) -> None:
    put(tmp_path / "kept", "k", **{"a.js": "one", "snippets/x/b.js": "two"})
    assert cache.restore(tmp_path / "kept", "k", tmp_path / "out")
    assert files(tmp_path / "out") == {"a.js": b"one", "snippets/x/b.js": b"two"}
    assert os.listdir(tmp_path / "kept") == ["k"]


def test_it_is_a_copy(tmp_path: Path) -> None:
    """What is installed may be written to, and has a mode and a time of its own."""
    put(tmp_path / "kept", "k", a="one")
    cache.restore(tmp_path / "kept", "k", tmp_path / "out")
    (tmp_path / "out/a").write_text("changed")
    assert cache.restore(tmp_path / "kept", "k", tmp_path / "again")
    assert (tmp_path / "again/a").read_text() == "one"


def test_a_missing_entry_is_not_restored(tmp_path: Path) -> None:
    assert not cache.restore(tmp_path / "kept", "k", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("harm", ["cut", "gone", "index", "no index", "empty"])
def test_a_damaged_entry_is_not_restored(harm: str, tmp_path: Path) -> None:
    put(tmp_path / "kept", "k", a="one", b="two")
    kept = tmp_path / "kept/k"
    match harm:
        case "cut":
            (kept / "a").write_text("on")
        case "gone":
            (kept / "b").unlink()
        case "index":
            (kept / ".digests.json").write_text('{"a": ')
        case "no index":
            (kept / ".digests.json").unlink()
        case _:
            shutil.rmtree(kept)
            kept.mkdir()
    assert not cache.restore(tmp_path / "kept", "k", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    put(tmp_path / "kept", "k", a="anew")
    assert cache.restore(tmp_path / "kept", "k", tmp_path / "out")
    assert files(tmp_path / "out") == {"a": b"anew"}
    assert os.listdir(tmp_path / "kept") == ["k"]


def test_the_least_recently_used_entry_is_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    for age, key in enumerate(("new", "old", "older")):
        put(folder, key, a="x" * 1000)
        os.utime(folder / key, (1_000_000 - age, 1_000_000 - age))
    assert cache.restore(folder, "older", tmp_path / "out")  # which makes it the newest
    cache.prune(folder, 2500)
    assert sorted(os.listdir(folder)) == ["new", "older"]


def test_old_unfinished_entries_are_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    for name in (".new-1", ".new-2"):
        (folder / name).mkdir(parents=True)
    os.utime(folder / ".new-1", (0, 0))
    cache.prune(folder)
    assert os.listdir(folder) == [".new-2"]


def test_a_damaged_bundle_is_rebuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = island_workspace.site(tmp_path, "greeter", "notes")
    notes = record_calls(tmp_path / "path", "wasm-opt", monkeypatch)
    first = site.files(tmp_path / "first")
    (module,) = (site.cache / "wasm" / "bundles").glob("*/island_notes_bg.wasm")
    module.write_bytes(module.read_bytes()[:-1])
    before = len(calls(notes))
    assert site.files(tmp_path / "second") == first
    assert len(calls(notes)) == before + 1
