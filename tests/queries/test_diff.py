"""Diffs and histories of generations."""

import pytest
from msgspec.structs import replace

from hero_build.errors import RootDamaged
from hero_build.install.history import Unreadable
from hero_build.model.failure import Failure, exit_code, failure
from hero_build.model.installed import FileEntry, Generation, InstalledArtifact, InstalledPart, Origin, PartId
from hero_build.queries.diff import diff
from hero_build.queries.history import history


def record(app: str, version: str, **files: str) -> InstalledPart:
    origin = Origin(
        version, requested="auto", used="download", why="a test", forge="file:///x", repo=f"o/{app}", tag=version
    )
    entries = tuple(
        InstalledArtifact(name, "binary", (FileEntry(f"bin/{name}", sha256=digest, size=len(digest), mode=0o755),))
        for name, digest in files.items()
    )
    return InstalledPart(PartId(app), origin, entries)


def generation(number: int, *records: InstalledPart) -> Generation:
    return Generation(
        number,
        created="2026-11-20T20:37:00Z",
        tool="hero-build 0",
        action=f"step {number}",
        records={r.id: r for r in records},
    )


ONE = generation(1, record("db", "v1", db="a", db_admin="b"))
TWO = generation(2, record("db", "v2", db="c", db_cli="d"), record("web", "v1", web="e"))


def test_every_differing_part_and_file() -> None:
    db, web = diff(ONE, TWO).parts
    assert (str(db.part), db.change, db.version_before, db.version_after) == ("db", "changed", "v1", "v2")
    assert [(file.path, file.change) for file in db.files] == [
        ("bin/db", "changed"),
        ("bin/db_admin", "removed"),
        ("bin/db_cli", "added"),
    ]
    assert (web.change, web.version_before, [file.sha256_after for file in web.files]) == ("added", None, ["e"])


def test_the_reverse_diff() -> None:
    there, back = diff(ONE, TWO), diff(TWO, ONE)
    assert [(p.version_before, p.version_after) for p in there.parts] == [
        (p.version_after, p.version_before) for p in back.parts
    ]


def test_equal_content_of_another_version_and_an_equal_part_requested_differently() -> None:
    retagged = generation(2, record("db", "v1.1", db="a", db_admin="b"))
    (change,) = diff(ONE, retagged).parts
    assert (change.change, change.files) == ("changed", ())
    (old,) = ONE.records.values()
    asked = replace(old, origin=replace(old.origin, requested="source", why="another"))
    assert diff(ONE, generation(2, asked)).parts == ()


def test_history_compares_with_the_last_readable_generation() -> None:
    gap = Unreadable(2, RootDamaged("it is torn", "roll back"))
    entries = history("/root", 3, [ONE, gap, replace(TWO, number=3)]).generations
    assert [(past.number, past.current, past.trouble) for past in entries] == [
        (1, False, None),
        (2, False, "it is torn"),
        (3, True, None),
    ]
    assert [(brief.part, brief.change) for brief in entries[0].changes] == [("db", "added")]
    assert [(brief.part, brief.change) for brief in entries[2].changes] == [("db", "changed"), ("web", "added")]


def test_the_oldest_generation_has_no_changes_if_its_predecessor_is_missing() -> None:
    (entry,) = history("/root", 2, [TWO]).generations
    assert entry.changes == ()
    assert entry.apps == 2


@pytest.mark.parametrize(
    ("codes", "succeeded", "code"),
    [([], 3, 0), ([4], 0, 4), ([4, 4], 0, 4), ([4, 3], 0, 1), ([4], 1, 1), ([5, 5], 2, 1)],
)
def test_exit_code(codes: list[int], succeeded: int, code: int) -> None:
    assert exit_code([Failure("Kind", message="m", hint="h", exit=item) for item in codes], succeeded) == code


def test_a_failure_has_the_fields_of_its_error() -> None:
    assert failure(RootDamaged("torn", "repair"), "db") == Failure(
        "RootDamaged", message="torn", hint="repair", exit=5, app="db", part=None
    )
