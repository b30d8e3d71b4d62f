"""Several apps in one command: one call of cargo for a workspace, one that fails leaves the others, downloads go on."""

from typing import Any

import pytest

from support import git_repos, refusals, rust_crates, source_builds, worlds
from support.processes import LONG
from support.source_builds import BROKEN, Gate, Spies, checkout_path, installed_app, program_output
from support.worlds import Done, World

PAIR = {
    ".gitignore": "/target\n",
    "Cargo.toml": '[workspace]\nmembers = ["one", "two"]\nresolver = "2"\n',
    **{f"{name}/Cargo.toml": rust_crates.manifest(name) for name in ("one", "two")},
    **{f"{name}/src/main.rs": rust_crates.program(name) for name in ("one", "two")},
}
"""A workspace of two crates, with a program each."""
NOISE = """fn main() {
    for line in 0..300 {
        eprintln!("line {line} of the build script");
    }
    std::process::exit(3);
}
"""


def pair(world: World, **changed: str) -> git_repos.Upstream:
    """Two apps of one repo."""
    for name in ("one", "two"):
        world.recipe(name, repo='"o/pair"')
    return git_repos.upstream(world.mirror, "o/pair", {**PAIR, **changed})


def test_two_apps_of_a_workspace_are_one_call(world: World, spies: Spies) -> None:
    pair(world)
    assert "one" in world.ok("install", "one", "two")
    (words,) = spies.builds()
    assert {"--bin=one", "--bin=two"} <= set(words)
    assert "--keep-going" in words
    assert [program_output(world, name) for name in ("one", "two")] == ["one", "two"]
    assert installed_app(world, "one")["source"] == installed_app(world, "two")["source"]
    spies.forget()
    assert "nothing to do: 2 apps as asked, intact" in world.ok("install", "one", "two")
    assert spies.calls("cargo") == []


def test_apps_of_different_repos_are_a_call_each(world: World, spies: Spies) -> None:
    pair(world)
    source_builds.add_app(world)
    world.ok("install", "app", "one", "two")
    assert sorted(words.count("--keep-going") for words in spies.builds()) == [0, 1]
    assert [program_output(world, name) for name in ("app", "one", "two")] == ["app", "one", "two"]


def test_another_cargo_is_another_call(world: World, spies: Spies) -> None:
    """What one app asks of cargo is not forced on the other."""
    pair(world)
    recipe = world.recipes / "two.py"
    text = recipe.read_text().replace("import Recipe", "import Cargo, Recipe")
    recipe.write_text(
        f'{text}\n    def cargo(self, platform):\n        return Cargo(env=(("RUSTFLAGS", "-Copt-level=1"),))\n'
    )
    world.ok("install", "one", "two")
    assert sorted([word for word in words if word.startswith("--bin")] for words in spies.builds()) == [
        ["--bin=one"],
        ["--bin=two"],
    ]
    assert [program_output(world, name) for name in ("one", "two")] == ["one", "two"]


def problem(done: Done) -> dict[str, Any]:
    """The one problem of a document, which is as its schema says."""
    return refusals.only_error(worlds.valid(done.document))


def test_an_app_that_does_not_compile_leaves_the_other(world: World, spies: Spies) -> None:
    pair(world, **{"two/src/main.rs": BROKEN})
    done = world.run("install", "one", "two")
    assert done.code == 1
    assert len(spies.builds()) == 1
    assert program_output(world, "one") == "one"
    assert not (world.root.path / "bin" / "two").exists()
    assert set(source_builds.manifest(world)["apps"]) == {"one"}
    assert "error: two: cargo could not build two: error[E0425]: cannot find value `words`" in done.err
    assert "the last " in done.err
    assert "let number: u32 = words;" in done.err
    assert "one: built and verified" in done.err


def test_alone_it_is_6_with_its_last_lines_and_the_log(world: World) -> None:
    pair(world, **{"two/src/main.rs": BROKEN})
    world.ok("install", "one")
    before, tree = source_builds.manifest(world), source_builds.user_state(checkout_path(world, "pair"))
    done = world.run("install", "two", "--json")
    assert done.code == 6
    document = problem(done)
    assert (document["kind"], document["exit"], document["app"]) == ("BuildError", 6, "two")
    assert any("let number: u32 = words;" in line for line in document["tail"])
    assert f"Run `cargo build --release` in {checkout_path(world, 'pair')} to see the error alone." == document["hint"]
    with open(document["log"]) as log:
        assert [line.rstrip("\n") for line in log] == list(document["tail"])
    assert (source_builds.manifest(world), source_builds.user_state(checkout_path(world, "pair"))) == (before, tree)
    again = world.run("install", "two")
    assert f"lines of {document['log']}:" in again.err
    assert "nothing changed: still generation 1" in again.out


def test_of_many_lines_the_last_200_are_shown_and_the_log_has_all(world: World) -> None:
    source_builds.add_app(world, files={**rust_crates.APP, "build.rs": NOISE})
    done = world.run("install", "app", "--json")
    document = problem(done)
    assert done.code == 6
    assert len(document["tail"]) == 200
    with open(document["log"]) as log:
        lines = [line.rstrip("\n") for line in log]
    assert lines[-200:] == list(document["tail"])
    assert {f"  line {number} of the build script" for number in range(300)} <= set(lines)
    assert "line 299 of the build script" in done.err
    assert "line 10 of the build script" not in done.err


def test_a_broken_program_is_built_once_it_is_fixed(world: World) -> None:
    upstream = pair(world, **{"two/src/main.rs": BROKEN})
    assert world.run("install", "one", "two").code == 1
    upstream.commit({"two/src/main.rs": rust_crates.program("fixed")})
    assert "two" in world.ok("install", "one", "two", "--update")
    assert program_output(world, "two") == "fixed"


@pytest.mark.parametrize("jobs", ["1", "8"])
def test_downloads_go_on_beside_a_build(jobs: str, world: World, gate: Gate) -> None:
    """What is fetched is there while cargo still works; what there is comes in as one generation."""
    source_builds.add_app(world, files=source_builds.GATED_APP)
    world.recipe("db")
    world.release("db", "v1")
    with source_builds.start_command(world, "install", "app", "db", "-j", jobs, **gate.environ) as process:
        assert process.stderr
        gate.reached()
        lines: list[str] = []
        while not lines or not lines[-1].startswith("db: downloaded and verified"):
            lines.append(process.stderr.readline())
            assert lines[-1], lines
        assert not any(line.startswith("app: built") for line in lines)
        gate.open()
        out, err = process.communicate(timeout=LONG)
    assert process.returncode == 0, err
    assert "generation 1: " in out
    assert [program_output(world, name) for name in ("app", "db")] == ["app", "db v1"]
    assert [installed_app(world, name)["used"] for name in ("app", "db")] == ["source", "download"]
