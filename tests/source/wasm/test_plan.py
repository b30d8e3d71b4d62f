"""Which bundles a tree has is asked of cargo once for each state of what decides it."""

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build.errors import BuildError, BundleNotFound, HeroBuildError
from hero_build.model.installed import Fingerprint
from hero_build.source.wasm import plan
from support import island_workspace
from support.island_workspace import IslandWorkspace
from support.spies import calls, record_calls, stand_in

pytestmark = pytest.mark.timeout(1800)
THEN, NOW = Fingerprint((("commit", "c"),)), Fingerprint((("commit", "d"),))


@pytest.fixture
def site(tmp_path: Path) -> IslandWorkspace:
    return island_workspace.site(tmp_path, "greeter", "notes")


@pytest.fixture
def notes(site: IslandWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What cargo is called with."""
    return record_calls(tmp_path / "path", "cargo", monkeypatch)


def names(site: IslandWorkspace, *expected: str, rests_on: Fingerprint = THEN) -> tuple[str, ...]:
    return plan.bundle_names(site.job(*expected), rests_on, site.cache)


def test_nothing_changed_starts_no_cargo(site: IslandWorkspace, notes: Path) -> None:
    assert [names(site) for _ in range(3)] == [("island_greeter", "island_notes")] * 3
    assert len(calls(notes)) == 1


def test_each_request_is_cached_separately(site: IslandWorkspace, notes: Path) -> None:
    for _ in range(2):
        assert names(site, "notes") == names(site, "island_notes") == ("island_notes",)
        assert names(site, "notes", "greeter") == ("island_notes", "island_greeter")
        assert names(replace(site, cargo=replace(site.cargo, packages=("greeter",)))) == ("island_greeter",)
    assert len(calls(notes)) == 4


def test_another_fingerprint_is_queried_again(site: IslandWorkspace, notes: Path) -> None:
    assert names(site) == names(site, rests_on=NOW)
    assert len(calls(notes)) == 2


def test_what_a_changed_source_holds_starts_no_cargo(site: IslandWorkspace, notes: Path) -> None:
    source = site.tree / "islands/notes/src/lib.rs"
    changes = (str(source.relative_to(site.tree)),)
    for text in ("// one", "// two"):
        source.write_text(text)
        job = replace(site.job(), tree=replace(site.job().tree, changes=changes))
        assert plan.bundle_names(job, THEN, site.cache) == ("island_greeter", "island_notes")
    assert len(calls(notes)) == 1
    source.unlink()
    with pytest.raises(BuildError, match="cannot read"):
        plan.bundle_names(job, THEN, site.cache)


def test_a_new_island_that_git_ignores_is_found(site: IslandWorkspace) -> None:
    """The fingerprint does not know of it."""
    assert names(site) == ("island_greeter", "island_notes")
    island_workspace.add_island(site.tree, "radio")
    assert names(site) == ("island_greeter", "island_notes", "island_radio")
    site.edit("islands/radio/Cargo.toml", "island_radio", "island_wireless")
    assert names(site) == ("island_greeter", "island_notes", "island_wireless")
    shutil.rmtree(site.tree / "islands/radio")
    assert names(site) == ("island_greeter", "island_notes")


def test_a_workspace_further_up_counts(site: IslandWorkspace) -> None:
    """cargo takes it for the tree's, which it would not be any more."""
    assert names(site) == ("island_greeter", "island_notes")
    (site.tree / "Cargo.toml").rename(site.tree.parent / "Cargo.toml.kept")
    with pytest.raises(BuildError):
        names(site)


def test_a_change_while_cargo_runs_is_not_cached(
    site: IslandWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = site.tree / "islands/notes/Cargo.toml"
    text = manifest.read_text()
    real = shutil.which("cargo")
    away = f'sed -i s/island_notes/island_moved/ {manifest}\nexec {real} "$@"'
    path = stand_in(tmp_path / "path", name="cargo", script=away, monkeypatch=monkeypatch)
    assert names(site) == ("island_greeter", "island_moved")
    path.unlink()
    manifest.write_text(text)
    assert names(site) == ("island_greeter", "island_notes")


def test_an_error_is_not_cached(site: IslandWorkspace, notes: Path) -> None:
    for _ in range(2):
        with pytest.raises(BundleNotFound, match="no bundle 'radio'"):
            names(site, "radio")
    assert len(calls(notes)) == 2


@pytest.mark.parametrize("members", ["3", '["islands/**x"]', '["/nowhere"]', '["../*"]', '[""]', "[[]]"])
def test_invalid_members_are_left_to_cargo(members: str, site: IslandWorkspace) -> None:
    text = (site.tree / "Cargo.toml").read_text()
    begin = text.index("members = ")
    (site.tree / "Cargo.toml").write_text(text[:begin] + f"members = {members}\n" + text[text.index("\n", begin) + 1 :])
    with pytest.raises(HeroBuildError):
        names(site)


@pytest.mark.parametrize("text", ["", "[]", "\0"])
def test_a_broken_cache_file_is_ignored(text: str, site: IslandWorkspace) -> None:
    names(site)
    (site.cache / "bundles.json").write_text(text)
    assert names(site) == ("island_greeter", "island_notes")
