"""The commit protocol without kills: what each change leaves, and that nothing of a user's is lost."""

import os
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build import manifest
from hero_build.errors import GenerationNotFound, LockHeld, NotFound, RecipeError, RootDamaged
from hero_build.install import gc, history, seal
from hero_build.install.commit import commit
from hero_build.install.layout import Root
from hero_build.install.root_lock import locked
from hero_build.install.store import stage
from hero_build.model.installed import Generation, PartId
from support import roots


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "hero")


def output(root: Root, name: str) -> str:
    return subprocess.run([root.path / "bin" / name], check=True, capture_output=True, text=True).stdout


def damage(root: Root, app: str) -> tuple[str, ...]:
    generation = manifest.load(root.path)
    return seal.inspect(root, generation, [PartId(app)])[PartId(app)].damage


def test_an_install_is_one_generation_with_links_that_run(root: Root) -> None:
    before, after = roots.install(root, "db", "v1", "db", "db_server")
    assert (before.number, after.number) == (0, 1)
    assert output(root, "db_server") == "db_server v1\n"
    assert os.readlink(root.path / "bin" / "db") == "../var/hero_build/current/bin/db"
    assert roots.settled(root).records[PartId("db")].origin.version == "v1"


def test_an_upgrade_keeps_other_apps_inodes_and_times(root: Root) -> None:
    roots.install(root, "db", "v1")
    roots.install(root, "code", "v1")
    kept = (root.path / "bin" / "code").stat()
    roots.install(root, "db", "v2")
    now = (root.path / "bin" / "code").stat()
    assert (now.st_ino, now.st_mtime_ns) == (kept.st_ino, kept.st_mtime_ns)
    assert output(root, "db") == "db v2\n"
    assert roots.settled(root).number == 3


def test_what_is_installed_already_makes_no_generation(root: Root) -> None:
    roots.install(root, "db", "v1")
    before, after = roots.install(root, "db", "v1")
    assert before == after
    assert before.number == 1


def test_equal_content_replaces_the_store_file_and_older_generations_keep_theirs(root: Root) -> None:
    roots.install(root, "db", "v1")
    first = (root.path / "bin" / "db").stat()
    roots.install(root, "db", "v2")
    roots.install(root, "db", "v1")
    third = (root.path / "bin" / "db").stat()
    assert third.st_mtime_ns > first.st_mtime_ns
    assert root.generation(1).joinpath("bin/db").stat().st_ino == first.st_ino != third.st_ino


def test_a_binary_that_left_the_set_is_removed_after_the_flip(root: Root) -> None:
    roots.install(root, "db", "v1", "db", "db_ui")
    roots.install(root, "db", "v2", "db")
    assert not os.path.lexists(root.path / "bin" / "db_ui")
    assert set(roots.settled(root).records) == {PartId("db")}


def test_a_path_belongs_to_one_part(root: Root) -> None:
    roots.install(root, "db", "v1", "tool")
    before = roots.tree(root.path / "bin")
    with pytest.raises(RecipeError, match="code and db both install bin/tool") as caught:
        roots.install(root, "code", "v1", "tool")
    assert "uninstall db" in caught.value.hint
    assert roots.tree(root.path / "bin") == before


def test_two_new_parts_of_one_commit_cannot_share_a_path(root: Root) -> None:
    one, other = (
        roots.ready(root, app="db", version="v1", names=["tool"]),
        roots.ready(root, app="code", version="v2", names=["tool"]),
    )
    with pytest.raises(RecipeError, match="both install bin/tool"), locked(root) as locked_root:
        commit(locked_root, [stage(locked_root, one), stage(locked_root, other)], "install")
    assert roots.settled(root) == Generation(0)


def test_rollback_restores_versions_and_removes_newer_apps(root: Root) -> None:
    roots.install(root, "db", "v1")
    roots.install(root, "db", "v2", "db", "db_admin")
    before, after = history.rollback(root)
    assert (before.number, after.number) == (2, 3)
    assert output(root, "db") == "db v1\n"
    assert not os.path.lexists(root.path / "bin" / "db_admin")
    history.rollback(root, 2)
    assert output(root, "db_admin") == "db_admin v2\n"
    assert [item.action for item in history.list_generations(root) if isinstance(item, Generation)][2:] == [
        "rollback to 1",
        "rollback to 2",
    ]
    roots.settled(root)


def test_rollback_of_the_first_install_empties_the_root(root: Root) -> None:
    roots.install(root, "db", "v1")
    history.rollback(root)
    assert roots.settled(root).records == {}
    assert os.listdir(root.path / "bin") == []


def test_rollback_to_equal_content_changes_nothing(root: Root) -> None:
    roots.install(root, "db", "v1")
    assert history.rollback(root, 1)[1].number == 1


@pytest.mark.parametrize("number", [7, -1])
def test_rollback_to_a_generation_that_does_not_exist(root: Root, number: int) -> None:
    roots.install(root, "db", "v1")
    roots.install(root, "db", "v2")
    with pytest.raises(GenerationNotFound) as caught:
        history.rollback(root, number)
    assert "Choose one of 1, or 0" in caught.value.hint
    assert roots.settled(root).number == 2


def test_rollback_without_an_earlier_generation_never_means_the_empty_root(root: Root) -> None:
    roots.install(root, "db", "v1")
    roots.install(root, "db", "v2")
    gc.collect(root, keep=1)
    with pytest.raises(GenerationNotFound, match="no earlier generation"):
        history.rollback(root)
    assert output(root, "db") == "db v2\n"


def test_rollback_refuses_damaged_content(root: Root) -> None:
    roots.install(root, "db", "v1")
    roots.install(root, "db", "v2")
    old = root.generation(1) / "bin" / "db"
    old.write_bytes(b"rotten")
    with pytest.raises(RootDamaged, match="generation 1 is damaged: bin/db has 6 bytes"):
        history.rollback(root)
    assert output(root, "db") == "db v2\n"


def test_rollback_repairs_a_root_whose_manifest_is_broken(root: Root) -> None:
    roots.install(root, "db", "v1")
    roots.install(root, "db", "v2", "db", "extra")
    (root.generation(2) / "manifest.json").write_text("{")
    with pytest.raises(RootDamaged, match="cannot be read"):
        roots.install(root, "code", "v1")
    history.rollback(root, 1)
    assert output(root, "db") == "db v1\n"
    roots.settled(root)


def test_a_lost_current_is_not_taken_for_an_empty_root(root: Root) -> None:
    roots.install(root, "db", "v1")
    roots.install(root, "db", "v2")
    root.current.unlink()
    with pytest.raises(RootDamaged, match="is missing") as caught:
        roots.install(root, "code", "v1")
    assert "rollback 2" in caught.value.hint
    history.rollback(root, 2)
    assert output(root, "db") == "db v2\n"
    roots.settled(root)


def test_uninstall_removes_whole_apps(root: Root) -> None:
    roots.install(root, "db", "v1", "db", "db_server")
    roots.install(root, "code", "v1")
    history.uninstall(root, ["db"])
    assert os.listdir(root.path / "bin") == ["code"]
    roots.settled(root)


def test_uninstall_of_a_missing_app_lists_the_installed(root: Root) -> None:
    roots.install(root, "db", "v1")
    with pytest.raises(NotFound, match="cod is not installed") as caught:
        history.uninstall(root, ["db", "cod"])
    assert "db" in caught.value.hint
    assert roots.settled(root).number == 1


def test_a_foreign_file_is_adopted_and_restored(root: Root) -> None:
    foreign = root.path / "bin" / "db"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("mine")
    foreign.chmod(0o640)
    inode = foreign.stat().st_ino
    before, after = roots.install(root, "db", "v1")
    assert (before.number, after.number) == (0, 2)
    assert output(root, "db") == "db v1\n"
    assert [item.path for item in after.adopted] == ["bin/db"]
    roots.install(root, "db", "v2")
    history.uninstall(root, ["db"])
    assert foreign.read_text() == "mine"
    assert foreign.stat().st_ino == inode
    assert foreign.stat().st_mode & 0o7777 == 0o640
    assert roots.settled(root).adopted == ()


def test_a_foreign_folder_and_a_foreign_link_are_adopted_and_restored(root: Root) -> None:
    (root.path / "bin" / "db" / "deep").mkdir(parents=True)
    (root.path / "bin" / "db" / "deep" / "note").write_text("mine")
    (root.path / "bin" / "code").symlink_to("/nowhere")
    roots.install(root, "hero", "v1", "db", "code")
    assert output(root, "db") == "db v1\n"
    history.rollback(root, 0)
    assert (root.path / "bin" / "db" / "deep" / "note").read_text() == "mine"
    assert os.readlink(root.path / "bin" / "code") == "/nowhere"
    roots.settled(root)


def test_rollback_to_before_the_adoption_restores_the_file(root: Root) -> None:
    roots.install(root, "code", "v1")
    (root.path / "bin" / "db").write_text("mine")
    roots.install(root, "db", "v1")
    history.rollback(root, 1)
    assert (root.path / "bin" / "db").read_text() == "mine"
    roots.settled(root)


def test_a_second_file_adopted_at_one_name_does_not_lose_the_first(root: Root) -> None:
    (root.path / "bin").mkdir(parents=True)
    (root.path / "bin" / "db").write_text("first")
    roots.install(root, "db", "v1")
    (root.path / "bin" / "db").unlink()
    (root.path / "bin" / "db").write_text("second")
    assert damage(root, "db") == ("bin/db was replaced by something else",)
    roots.install(root, "db", "v1")
    assert output(root, "db") == "db v1\n"
    history.uninstall(root, ["db"])
    assert (root.path / "bin" / "db").read_text() == "second"
    assert (root.path / "bin" / "db.~1~").read_text() == "first"


def test_a_newer_foreign_file_is_not_overwritten_by_the_adopted_one(root: Root) -> None:
    (root.path / "bin").mkdir(parents=True)
    (root.path / "bin" / "db").write_text("adopted")
    roots.install(root, "db", "v1")
    (root.path / "bin" / "db").unlink()
    (root.path / "bin" / "db").write_text("newer")
    history.uninstall(root, ["db"])
    assert (root.path / "bin" / "db").read_text() == "newer"
    (root.path / "bin" / "db").unlink()
    roots.install(root, "code", "v1")
    assert (root.path / "bin" / "db").read_text() == "adopted"


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda path: os.truncate(path.resolve(), 100), "bin/db has 100 bytes instead of"),
        (lambda path: path.resolve().write_bytes(path.read_bytes()), "bin/db was touched since it was installed"),
        (lambda path: path.resolve().unlink(), "bin/db is missing"),
        (lambda path: path.unlink(), "bin/db is not linked"),
        (lambda path: (path.unlink(), path.write_text("x")), "bin/db was replaced by something else"),
    ],
)
def test_the_seal_shows_damage(root: Root, harm, sentence: str) -> None:  # type: ignore[no-untyped-def]
    roots.install(root, "db", "v1")
    assert damage(root, "db") == ()
    harm(root.path / "bin" / "db")
    assert damage(root, "db")[0].startswith(sentence)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"bin/db": 1}', '{"bin/db": [1, 2]}', '{"bin/db": [1, 2, "3"]}'], ids=range(5)
)
def test_a_malformed_seal_counts_every_file_as_touched(root: Root, text: str) -> None:
    roots.install(root, "db", "v1", "db", "db_server")
    (root.current / "seal.json").write_text(text)
    touched = "was touched since it was installed"
    assert damage(root, "db") == (f"bin/db {touched}", f"bin/db_server {touched}")


def test_content_written_through_the_link_is_replaced_and_not_kept(root: Root) -> None:
    roots.install(root, "db", "v1")
    (root.path / "bin" / "db").write_text("rotten")
    roots.install(root, "db", "v1")
    assert output(root, "db") == "db v1\n"
    roots.settled(root)


def test_a_program_that_runs_while_it_is_replaced_goes_on(root: Root) -> None:
    roots.install(root, "db", "v1")
    with subprocess.Popen([root.path / "bin" / "db", "wait"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "db v1\n"
            for version in ("v2", "v3", "v4", "v5", "v6", "v7", "v8"):
                roots.install(root, "db", version)
            assert gc.running_generations(root) == {1}
            assert gc.collect(root).generations == (2, 3)
            assert root.generation(1).joinpath("bin/db").exists()
            assert process.poll() is None
        finally:
            process.kill()
    assert gc.collect(root).generations == (1,)
    assert output(root, "db") == "db v8\n"


def test_gc_keeps_the_last_five_and_reports_what_it_frees(root: Root) -> None:
    for number in range(1, 8):
        roots.install(root, "db", f"v{number}")
    size = (root.path / "bin" / "db").stat().st_size
    would = gc.collect(root, dry_run=True)
    assert would.generations == (1, 2)
    assert would.bytes == 2 * size
    assert gc.collect(root) == replace(would, dry_run=False)
    assert len(os.listdir(root.store)) == 5
    history.rollback(root, 3)
    assert output(root, "db") == "db v3\n"
    roots.settled(root)


def test_the_lock_is_exclusive(root: Root) -> None:
    roots.install(root, "db", "v1")
    with locked(root), pytest.raises(LockHeld) as caught:
        history.uninstall(root, ["db"])
    assert caught.value.code == 7
    assert "--wait" in caught.value.hint


def test_a_failure_inside_the_lock_leaves_no_trace(root: Root) -> None:
    roots.install(root, "db", "v1")
    before = roots.tree(root.path / "bin")
    (root.state / "generations" / "2").mkdir()  # as an interrupted run leaves it
    (root.path / "bin" / "ghost").symlink_to("../var/hero_build/current/bin/ghost")
    with pytest.raises(FileNotFoundError), locked(root):
        (root.staging / "half" / "deeper").mkdir()
    assert roots.tree(root.path / "bin") == before
    roots.settled(root)
