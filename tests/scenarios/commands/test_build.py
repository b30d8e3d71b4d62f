"""`build`: into the store, and nothing of the root shows it."""

from pathlib import Path

from support import roots
from support.worlds import World, valid


def test_a_download_is_verified_and_stored(two_apps: World) -> None:
    done = two_apps.run("build", "db@v1", "web", "--json")
    report = valid(done.document)
    assert (done.code, [part["part"] for part in report["parts"]]) == (0, ["db", "web"])
    assert [part["fresh"] for part in report["parts"]] == [True, True]
    paths = [Path(path) for path in report["installed_paths"]]
    assert len(paths) == 3
    assert all(path.parent == two_apps.root.store and path.is_file() for path in paths)
    assert (roots.check(two_apps.root).number, list((two_apps.root.path / "var").iterdir())) == (
        0,
        [two_apps.root.state],
    )
    assert not (two_apps.root.path / "bin").exists()


def test_what_is_installed_is_not_fetched_again(two_apps: World) -> None:
    two_apps.ok("install", "db")
    report = two_apps.run("build", "db", "--json").document
    assert [part["fresh"] for part in report["parts"]] == [False]
    assert all(Path(path).is_file() for path in report["installed_paths"])
    again = two_apps.run("build", "db", "--reset", "--json").document
    assert ([part["fresh"] for part in again["parts"]], roots.check(two_apps.root).number) == ([True], 1)


def test_gc_deletes_what_was_never_installed(two_apps: World) -> None:
    two_apps.ok("install", "web")
    two_apps.ok("build", "db")
    two_apps.ok("gc")
    assert len(list(two_apps.root.store.iterdir())) == 1
    roots.check(two_apps.root)


def test_an_app_that_fails_leaves_the_others(two_apps: World) -> None:
    two_apps.recipe("broken")
    done = two_apps.run("build", "broken", "web", "--mode", "download", "--json")
    assert (done.code, [item["app"] for item in done.document["failed"]]) == (1, ["broken"])
    assert len(done.document["installed_paths"]) == 1
