"""`logs APP --build`: what the last build of an app wrote, by real builds."""

import os
import re
from pathlib import Path

import pytest

from hero_build.catalog import loader
from hero_build.errors import NotFound
from hero_build.queries.build_log import build_log
from support import git_repos, rust_crates, source_builds, worlds
from support.source_builds import BROKEN, SOURCE
from support.worlds import World


def test_the_log_of_the_last_build_is_that_of_cargo(world: World) -> None:
    source_builds.add_app(world)
    done = world.run("logs", "app", "--build")
    assert (done.code, "has no log of a build of app" in done.err) == (3, True)
    assert "`hero-build install app --mode source`" in done.err
    world.ok(*SOURCE)
    document = worlds.valid(world.run("logs", "app", "--build", "--json").document)
    (log,) = document["logs"]
    assert log["service"] == "app"
    assert any(re.search(r"Compiling app v", line) for line in log["lines"])
    assert Path(log["file"]).parent == world.folder / "cache" / "logs"
    assert world.ok("logs", "app", "--build", "-n", "1").splitlines() == log["lines"][-1:]


def test_a_failed_build_has_one_too_and_every_app_of_the_call(world: World) -> None:
    for name in ("one", "two"):
        world.recipe(name, repo='"o/pair"')
    files = {
        "Cargo.toml": '[workspace]\nmembers = ["one", "two"]\nresolver = "2"\n',
        **{f"{name}/Cargo.toml": rust_crates.manifest(name) for name in ("one", "two")},
        "one/src/main.rs": rust_crates.program("one"),
        "two/src/main.rs": BROKEN,
    }
    git_repos.upstream(world.mirror, "o/pair", files)
    assert world.run("install", "one", "two", "--mode", "source").code == 1
    for name in ("one", "two"):
        assert "cannot find value `words`" in world.ok("logs", name, "--build")


def test_what_is_asked_for_in_vain(world: World) -> None:
    world.recipe("app")
    done = world.run("logs", "app", "--build", "-f")
    assert (done.code, "Leave out -f" in done.err) == (2, True)
    done = world.run("logs", "apo", "--build")
    assert (done.code, "Did you mean app?" in done.err) == (3, True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hero_archipelagos", "cargo-2.log"),
        ("hero_archipelagos/files", "files-wasm-bindgen.log"),
        ("hero_os", "hero_os-0123abcd.log"),
        ("hero_db", None),
    ],
)
def test_bundles_have_the_logs_of_their_steps(name: str, expected: str | None, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    names = (
        "cargo-1.log",
        "cargo-2.log",
        "files.log",
        "files-wasm-bindgen.log",
        "hero_os-0123abcd.log",
        "hero_db_x-0123abcd.log",
    )
    for age, file in enumerate(names):
        (folder / file).write_text(file)
        os.utime(folder / file, (age, age))
    if expected is None:
        with pytest.raises(NotFound, match="has no log"):
            build_log(name, None, cache=tmp_path, catalog=loader.load(()))
    else:
        (log,) = build_log(name, None, cache=tmp_path, catalog=loader.load(())).logs
        assert log.lines == (expected,)
