"""Islands and the shell in a root: folders behind one link each, an index that is always right, nothing of a user's
lost."""

import hashlib
import json
import os
import subprocess
from base64 import b64encode
from pathlib import Path

import jsonschema
import pytest
from msgspec.structs import replace

from hero_build import manifest
from hero_build.catalog.loader import load
from hero_build.errors import InvalidBundle, RecipeError
from hero_build.forge.download_dir import DownloadDir
from hero_build.install import gc, history, islands_index, seal
from hero_build.install.commit import commit
from hero_build.install.islands import INDEX
from hero_build.install.layout import Root, link_target
from hero_build.install.root_lock import locked
from hero_build.install.store import stage
from hero_build.model.artifacts import WasmBundle
from hero_build.model.installed import Generation, PartId
from hero_build.model.steps import Part, Restore, VerifiedPart
from hero_build.queries import diff, verify
from hero_build.settings import read
from support import bundle_roots, roots, wasm_modules

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "islands.schema.json").read_text())
ISLANDS, SHELL = "share/hero_os/islands", "share/hero_os/shell"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "hero")


def indexed(root: Root) -> list[dict[str, object]]:
    """The islands of islands.json, which fits its schema."""
    document = json.loads((root.path / ISLANDS / "islands.json").read_text())
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document, SCHEMA)
    islands: list[dict[str, object]] = document["islands"]
    return islands


def names(root: Root) -> list[object]:
    return [island["name"] for island in indexed(root)]


def shows(root: Root, name: str) -> str:
    """The version of an island that a page would load."""
    return str(json.loads((root.path / ISLANDS / name / "package.json").read_text())["version"])


def damage(root: Root, name: str, app: str = bundle_roots.APP) -> tuple[str, ...]:
    part = PartId(app, name)
    return seal.inspect(root, manifest.load(root.path), [part])[part].damage


@pytest.mark.parametrize("form", ["archive", "tree"])
def test_islands_and_shell_are_one_generation_behind_a_link_each(root: Root, form: str) -> None:
    before, after = bundle_roots.install(root, "v1", ["clock", "notes"], shell=True, form=form)
    assert (before.number, after.number) == (0, 1)
    for name in (ISLANDS, SHELL):
        assert os.readlink(root.path / name) == link_target(name) == f"../../var/hero_build/current/{name}"
    for name, folder in (("clock", f"{ISLANDS}/clock"), ("hero_os_app", SHELL)):
        installed = {
            str(path.relative_to(root.path / folder)) for path in (root.path / folder).rglob("*") if path.is_file()
        }
        assert installed == set(wasm_modules.island(name, "v1"))
    assert roots.settled(root).records.keys() == {
        PartId("hero_archipelagos", "clock"),
        PartId("hero_archipelagos", "notes"),
        PartId("hero_os", "hero_os_app"),
    }
    assert list(root.partial.iterdir()) == []


def test_the_index_lists_what_is_installed(root: Root) -> None:
    bundle_roots.install(root, "v1", ["notes", "clock"], shell=True)
    assert names(root) == ["clock", "notes"]
    clock = indexed(root)[0]
    files = wasm_modules.island("clock", "v1")
    assert (clock["entry"], clock["module"]) == ("clock/clock.js", "clock/clock_bg.wasm")
    assert clock["size"] == sum(map(len, files.values()))
    for name, content in files.items():
        digest = hashlib.sha256(content)
        assert clock["files"][f"clock/{name}"] == {  # type: ignore[index]
            "size": len(content),
            "sha256": digest.hexdigest(),
            "integrity": f"sha256-{b64encode(digest.digest()).decode()}",
        }
    assert clock["integrity"] == clock["files"]["clock/clock.js"]["integrity"]  # type: ignore[index]


@pytest.mark.parametrize(
    "path", ["util.js", "snippets/a-1/über.js", 'a"b.js', "a\\b.js", "tab\tbell\b\x01.js", "del\x7f.js"]
)
def test_the_bytes_are_those_that_json_writes(root: Root, path: str) -> None:
    """Indexes of earlier versions are compared with it, whatever a snippet is called."""
    _, generation = bundle_roots.install(root, "v1", ["clock", "notes"])
    part = PartId(bundle_roots.APP, "clock")
    record = generation.records[part]
    (bundle,) = record.entries
    more = replace(bundle.files[0], path=f"{ISLANDS}/clock/{path}")
    record = replace(record, entries=(replace(bundle, files=(*bundle.files, more)),))
    text = islands_index.render({**generation.records, part: record})
    assert text is not None
    assert text == json.dumps(json.loads(text), indent=2) + "\n"
    assert f"clock/{path}" in json.loads(text)["islands"][0]["files"]


def test_the_same_islands_give_the_same_index_by_any_way_of_installing(root: Root, tmp_path: Path) -> None:
    bundle_roots.install(root, "v1", ["notes", "clock"])
    other = Root(tmp_path / "other")
    for name in ("clock", "notes"):
        bundle_roots.install(other, "v1", [name], form="tree")
    assert (root.path / INDEX).read_bytes() == (other.path / INDEX).read_bytes()
    assert (root.path / INDEX).stat().st_mode & 0o777 == 0o644


def test_an_island_installed_alone_keeps_the_others_and_their_inodes(root: Root) -> None:
    bundle_roots.install(root, "v1", ["clock", "notes"], shell=True)
    kept = (root.path / ISLANDS / "clock" / "clock_bg.wasm").stat()
    bundle_roots.install(root, "v2", ["notes"])
    now = (root.path / ISLANDS / "clock" / "clock_bg.wasm").stat()
    assert (shows(root, "clock"), shows(root, "notes")) == ("v1", "v2")
    assert (now.st_ino, now.st_mtime_ns) == (kept.st_ino, kept.st_mtime_ns)
    assert names(root) == ["clock", "notes"]
    roots.settled(root)


def test_what_is_installed_already_makes_no_generation(root: Root) -> None:
    bundle_roots.install(root, "v1", ["clock", "notes"], shell=True)
    before, after = bundle_roots.install(root, "v1", ["clock", "notes"], shell=True)
    assert before == after
    assert before.number == 1


def test_stale_islands_are_removed_with_the_full_set(root: Root) -> None:
    bundle_roots.install(root, "v1", ["clock", "notes"])
    bundle_roots.install(root, "v2", ["notes", "radio"], drop=True)
    assert names(root) == ["notes", "radio"]
    assert not (root.path / ISLANDS / "clock").exists()
    roots.settled(root)


def test_uninstalling_the_last_island_removes_index_and_link(root: Root) -> None:
    roots.install(root, "db", "v1")
    bundle_roots.install(root, "v1", ["notes"], shell=True)
    history.uninstall(root, ["hero_archipelagos"])
    assert not os.path.lexists(root.path / ISLANDS)
    assert not (root.current / ISLANDS).exists()
    assert (root.path / SHELL / "hero_os_app.js").is_file()
    history.uninstall(root, ["hero_os"])
    assert os.listdir(root.path / "share" / "hero_os") == []
    assert roots.settled(root).records.keys() == {PartId("db")}


def test_rollback_restores_islands_shell_and_binaries_together(root: Root) -> None:
    roots.install(root, "db", "v1")
    bundle_roots.install(root, "v1", ["clock", "notes"], shell=True)
    first = (root.path / INDEX).read_bytes()
    roots.install(root, "db", "v2")
    bundle_roots.install(root, "v2", ["notes", "radio"], shell=True, drop=True)
    history.rollback(root, 2)
    assert (names(root), shows(root, "notes")) == (["clock", "notes"], "v1")
    assert (root.path / INDEX).read_bytes() == first
    assert subprocess.run([root.path / "bin" / "db"], capture_output=True, text=True).stdout == "db v1\n"
    history.rollback(root, 4)
    assert (names(root), shows(root, "notes")) == (["notes", "radio"], "v2")
    history.rollback(root, 1)
    assert not os.path.lexists(root.path / ISLANDS)
    roots.settled(root)


def test_an_index_is_not_shared_between_generations(root: Root) -> None:
    bundle_roots.install(root, "v1", ["clock"])
    bundle_roots.install(root, "v1", ["notes"])
    assert (root.generation(1) / INDEX).stat().st_ino != (root.generation(2) / INDEX).stat().st_ino
    assert "notes" not in (root.generation(1) / INDEX).read_text()


# what belongs to whom


def test_two_apps_cannot_have_an_island_of_one_name(root: Root) -> None:
    bundle_roots.install(root, "v1", ["notes"])
    with (
        pytest.raises(RecipeError, match="both install share/hero_os/islands/notes") as caught,
        locked(root) as locked_root,
    ):
        stage(locked_root, _of("other", root, wasm_modules.island("else", "v1")))
    assert "uninstall hero_archipelagos" in caught.value.hint
    assert names(root) == ["notes"]


def test_two_apps_of_one_commit_cannot_have_an_island_of_one_name(root: Root) -> None:
    one, other = _of("one", root, wasm_modules.island("a", "v1")), _of("other", root, wasm_modules.island("b", "v1"))
    with pytest.raises(RecipeError, match="both install share/hero_os/islands/notes"), locked(root) as locked_root:
        commit(locked_root, [stage(locked_root, one), stage(locked_root, other)], "islands")
    assert roots.settled(root) == Generation(0)


def test_equal_files_of_two_islands_do_not_conflict(root: Root) -> None:
    bundle_roots.install(root, "v1", ["clock", "notes"])
    inodes = {(root.path / ISLANDS / name / f"{name}.d.ts").stat().st_ino for name in ("clock", "notes")}
    assert len(inodes) == 1
    roots.settled(root)


def _of(app: str, root: Root, files: dict[str, bytes]) -> VerifiedPart:
    """The island `notes` of some app, with files of any name."""
    root.partial.mkdir(parents=True, exist_ok=True)
    tree = bundle_roots.built(root.partial, WasmBundle(app), "v0")
    wasm_modules.write(tree.path, files)
    for name in wasm_modules.island(app, "v0"):
        (tree.path / name).unlink(missing_ok=name not in files)
    wasm_modules.write(tree.path, files)
    item = bundle_roots.ready(type(tree)(WasmBundle("notes"), tree.path, "tree", "", 0), "v1")
    return VerifiedPart(Part(PartId(app, "notes"), item.part.artifacts), item.origin, item.artifacts)


# foreign folders


def foreign(root: Root, name: str = ISLANDS) -> Path:
    note = root.path / name / "notes" / "deep" / "note"
    note.parent.mkdir(parents=True)
    note.write_text("mine")
    note.chmod(0o640)
    (root.path / name / "link").symlink_to("/nowhere")
    return note


@pytest.mark.parametrize("name", [ISLANDS, SHELL])
def test_a_plain_folder_is_adopted_and_restored_by_uninstall(root: Root, name: str) -> None:
    note = foreign(root, name)
    inode = note.stat().st_ino
    _, after = bundle_roots.install(root, "v1", ["notes"], shell=True)
    assert after.number == 2
    assert [(item.path, item.form) for item in after.adopted] == [(name, "folder")]
    assert not note.exists()
    assert shows(root, "notes") == "v1"
    bundle_roots.install(root, "v2", ["notes"], shell=True)
    history.uninstall(root, ["hero_archipelagos", "hero_os"])
    assert (note.read_text(), note.stat().st_ino, note.stat().st_mode & 0o777) == ("mine", inode, 0o640)
    assert os.readlink(root.path / name / "link") == "/nowhere"
    assert not (root.path / name).is_symlink()
    assert roots.settled(root).adopted == ()


def test_rollback_to_before_the_adoption_restores_the_folder(root: Root) -> None:
    roots.install(root, "db", "v1")
    note = foreign(root)
    bundle_roots.install(root, "v1", ["notes"])
    history.rollback(root, 1)
    assert note.read_text() == "mine"
    history.rollback(root, 3)
    assert shows(root, "notes") == "v1"
    history.uninstall(root, ["hero_archipelagos"])
    assert note.read_text() == "mine"
    roots.settled(root)


def test_a_folder_that_replaced_the_link_is_kept_beside_the_first(root: Root) -> None:
    foreign(root)
    bundle_roots.install(root, "v1", ["notes"])
    (root.path / ISLANDS).unlink()
    second = root.path / ISLANDS / "second"
    second.mkdir(parents=True)
    assert damage(root, "notes") == ("share/hero_os/islands was replaced by something else",)
    bundle_roots.install(root, "v1", ["notes"])
    assert shows(root, "notes") == "v1"
    history.uninstall(root, ["hero_archipelagos"])
    assert second.is_dir()
    assert (root.path / f"{ISLANDS}.~1~" / "notes" / "deep" / "note").read_text() == "mine"


# damage


def test_damage_to_an_island_is_reported_for_that_island(root: Root) -> None:
    bundle_roots.install(root, "v1", ["clock", "notes"])
    assert (damage(root, "clock"), damage(root, "notes")) == ((), ())
    (root.path / ISLANDS / "notes" / "notes.js").write_text("rotten")
    assert damage(root, "clock") == ()
    assert damage(root, "notes")[0].startswith(f"{ISLANDS}/notes/notes.js has 6 bytes instead of")
    bundle_roots.install(root, "v1", ["notes"])
    assert damage(root, "notes") == ()
    roots.settled(root)


def spoil(path: Path) -> None:
    path.write_text(path.read_text().replace("notes", "nodes"))


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (spoil, "is not the index of what is installed"),
        (Path.unlink, "is missing"),
        (lambda path: path.write_text(""), "is not"),
    ],
)
def test_damage_to_the_index_is_reported_once_and_repaired(root: Root, harm, sentence: str) -> None:  # type: ignore[no-untyped-def]
    bundle_roots.install(root, "v1", ["clock", "notes"], shell=True)
    harm(root.path / ISLANDS / "islands.json")
    assert damage(root, "clock")[0].startswith(f"{INDEX} {sentence}")
    assert damage(root, "notes") == damage(root, "hero_os_app", "hero_os") == ()
    answer = verify.verify(root, load(read({}, {}).recipes), [])
    assert [(app.name, len(app.damage)) for app in answer.apps] == [("hero_archipelagos", 1), ("hero_os", 0)]
    assert answer.code == 5
    with locked(root) as locked_root:
        record = locked_root.generation.records[PartId("hero_archipelagos", "clock")]
        commit(locked_root, [Restore(record, locked_root.generation.number)], "repair")
    assert names(root) == ["clock", "notes"]
    roots.settled(root)


def test_a_verified_root_with_bundles_is_as_recorded(root: Root) -> None:
    bundle_roots.install(root, "v1", ["clock", "notes"], shell=True)
    answer = verify.verify(root, load(read({}, {}).recipes), [])
    assert answer.damaged == answer.stray == ()
    assert [app.files for app in answer.apps] == [10, 5]


def test_a_diff_shows_bundles_part_by_part(root: Root) -> None:
    bundle_roots.install(root, "v1", ["clock", "notes"])
    before, after = bundle_roots.install(root, "v2", ["notes", "radio"], drop=True)
    parts = {str(part.part): part for part in diff.diff(before, after).parts}
    assert {name: part.change for name, part in parts.items()} == {
        "hero_archipelagos/clock": "removed",
        "hero_archipelagos/notes": "changed",
        "hero_archipelagos/radio": "added",
    }
    changed = [file.path.rsplit("/", 1)[-1] for file in parts["hero_archipelagos/notes"].files]
    assert changed == ["notes.js", "notes_bg.wasm", "package.json"]


def test_gc_frees_the_content_of_old_bundles(root: Root) -> None:
    for number in range(7):
        bundle_roots.install(root, f"v{number}", ["notes"])
    would = gc.collect(root, dry_run=True)
    assert would.generations == (1, 2)
    own = [wasm_modules.island("notes", version) for version in ("v0", "v1")]
    common = wasm_modules.island("notes", "v9")
    freed = sum(len(data) for files in own for name, data in files.items() if data != common[name])
    assert gc.collect(root) == replace(would, dry_run=False)
    assert would.bytes >= freed
    assert len(list(root.store.iterdir())) < 7 * 3 + 2 + 1
    assert shows(root, "notes") == "v6"
    roots.settled(root)


# what fails leaves no trace


def test_a_refused_bundle_leaves_downloads_and_root_unchanged(root: Root, tmp_path: Path) -> None:
    bundle_roots.install(root, "v1", ["notes"])
    before = roots.visible(root)
    bad = wasm_modules.island("notes", "v2") | {"notes_bg.wasm": b"let wasm;"}
    with DownloadDir(root.partial):
        path = wasm_modules.tgz(next(root.partial.glob("run-*")) / "a.b.1", bad)
        item = bundle_roots.fetched(tmp_path, WasmBundle("notes"), "v2")
        size = path.stat().st_size
        with pytest.raises(InvalidBundle, match=r"notes_bg\.wasm of the bundle notes is a text"):
            bundle_roots.ready(type(item)(WasmBundle("notes"), path, "archive", "", size), "v2")
    assert roots.visible(root) == before
    assert [entry.name for entry in root.partial.iterdir()] == ["a.b.1"]  # the archive itself stays warm


def test_an_extracted_folder_that_is_not_used_is_removed(root: Root) -> None:
    """A download that was verified before another part failed: only its archive is kept for the next run."""
    with DownloadDir(root.partial):
        run = next(root.partial.glob("run-*"))
        item = bundle_roots.fetched(run, WasmBundle("notes"), "v1")
        archive = item.path.rename(run / "key.mark.1")
        bundle_roots.ready(type(item)(item.artifact, archive, "archive", item.sha256, item.size, item.selected), "v1")
        assert (run / "key.mark.1.tree").is_dir()
    assert [entry.name for entry in root.partial.iterdir()] == ["key.mark.1"]


def test_what_enters_the_store_is_synced_and_plain(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: set[int] = set()
    real = os.fsync

    def noted(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    bundle_roots.install(root, "v1", ["notes"], shell=True)
    everything = list(root.generation(1).rglob("*"))
    assert all(path.stat().st_ino in synced for path in everything)
    assert {path.stat().st_mode & 0o777 for path in root.store.iterdir()} == {0o644}
