"""Repos that are not one workspace at their root: each program is built in the workspace that has it."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from hero_build.errors import BuildError, RecipeError
from hero_build.model.artifacts import Cargo
from hero_build.model.steps import CargoJob, Tree
from hero_build.source.fingerprint import fingerprint
from support import git_repos, rust_crates, source_builds
from support.refusals import Refusal
from support.source_builds import Spies, assert_refused, checkout_path, clone_checkout, installed_app, program_output
from support.worlds import REPO, World

SHAPE = REPO / "tests" / "world" / "mycelium"
BOTH = ("mycelium", "mycelium-private")
NESTED = '[workspace]\nmembers = []\nexclude = ["one", "two"]\n'


def shape(folder: Path) -> Mapping[str, str]:
    """The files of the repo, each workspace with a lock file, which cargo writes into a copy in `folder`."""
    made = ("target", "Cargo.lock")
    files = (path for path in sorted(SHAPE.rglob("*")) if path.is_file() and not set(made) & set(path.parts))
    git_repos.write(folder, {str(path.relative_to(SHAPE)): path.read_text() for path in files})
    for name in (".", "myceliumd", "myceliumd-private"):
        subprocess.run(["cargo", "generate-lockfile", "--offline", "--quiet"], cwd=folder / name, check=True)
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def own_workspace(name: str, program: str) -> Mapping[str, str]:
    """A package that is a workspace by itself, in a folder of its name."""
    table = f'[workspace]\n[[bin]]\nname = "{program}"\npath = "main.rs"\n'
    return {f"{name}/Cargo.toml": rust_crates.manifest(name, table), f"{name}/main.rs": rust_crates.program(name)}


def add_recipe(world: World, app: str, *names: str, cargo: str = "") -> None:
    path = world.recipe(app, *names)
    if cargo:
        text = path.read_text().replace("import Recipe", "import Cargo, Recipe")
        path.write_text(f"{text}\n    def cargo(self, platform):\n        return {cargo}\n")


@pytest.fixture
def mycelium(world: World) -> git_repos.Upstream:
    """The app, whose two programs are in two workspaces; one of them needs a feature, which the other does not have."""
    add_recipe(world, "mycelium", *BOTH, cargo="Cargo(features=('vendored-openssl',))")
    return git_repos.upstream(world.mirror, "o/mycelium", shape(world.folder / "shape"))


@pytest.fixture
def ambiguous(world: World) -> git_repos.Upstream:
    """Two workspaces with a program `app`."""
    add_recipe(world, "app")
    files = {"Cargo.toml": NESTED, **own_workspace("one", "app"), **own_workspace("two", "app")}
    return git_repos.upstream(world.mirror, "o/app", {".gitignore": "target\n", **files})


def test_programs_of_two_workspaces_are_a_call_each(world: World, mycelium: git_repos.Upstream, spies: Spies) -> None:
    world.ok("install", "mycelium")
    assert [program_output(world, name) for name in BOTH] == [
        "mycelium joins the public network",
        "mycelium-private joins the private network",
    ]
    public, private = spies.builds()
    assert ("--bin=mycelium" in public, "--bin=mycelium-private" in private) == (True, True)
    assert [any(word.startswith("--features") for word in words) for words in (public, private)] == [False, True]
    assert all("--locked" in words for words in (public, private))
    assert installed_app(world, "mycelium")["source"]["dirty"] is False
    spies.forget()
    assert "nothing to do" in world.ok("install", "mycelium")
    assert spies.calls("cargo") == []


def test_one_of_the_programs_may_be_an_app(world: World, mycelium: git_repos.Upstream, spies: Spies) -> None:
    add_recipe(world, "mycelium", "mycelium")
    world.ok("install", "mycelium")
    assert program_output(world, "mycelium") == "mycelium joins the public network"
    assert len(spies.builds()) == 1


def test_a_lock_file_in_a_folder_is_an_input(world: World, mycelium: git_repos.Upstream, spies: Spies) -> None:
    """Also one that git ignores, where the change is in no commit."""
    mycelium.commit({".gitignore": "target\nCargo.lock\n"})
    git_repos.git(mycelium.work, "rm", "--quiet", "--cached", "myceliumd/Cargo.lock", "myceliumd-private/Cargo.lock")
    git_repos.git(mycelium.work, "commit", "--quiet", "--message=locks are not tracked")
    mycelium.push()
    world.ok("install", "mycelium")
    assert "nothing to do" in world.ok("install", "mycelium")
    lock = checkout_path(world, "mycelium") / "myceliumd-private" / "Cargo.lock"
    lock.write_text(f"{lock.read_text()}# edited\n")
    assert "changed since the last build: lock" in world.ok("explain", "mycelium")


def test_the_target_folder_is_shared_and_leaves_the_checkout_clean(world: World, mycelium: git_repos.Upstream) -> None:
    mycelium.commit({".gitignore": ""})
    world.ok("install", "mycelium")
    checkout = checkout_path(world, "mycelium")
    assert [*checkout.glob("**/CACHEDIR.TAG")] == []
    assert (source_builds.shared_target(world) / "release" / "mycelium-private").is_file()
    assert "nothing to do" in world.ok("install", "mycelium")


def test_a_workspace_that_fails_leaves_the_other_app(world: World, mycelium: git_repos.Upstream) -> None:
    for name, program in (("public", "mycelium"), ("private", "mycelium-private")):
        path = world.recipe(name, program, repo='"o/mycelium"')
        text = path.read_text().replace("import Recipe", "import Cargo, Recipe")
        cargo = "    def cargo(self, platform):\n        return Cargo(features=('vendored-openssl',))\n"
        path.write_text(f"{text}\n{cargo}")
    mycelium.commit({"myceliumd/src/main.rs": "fn main() { nothing() }\n"})
    done = world.run("install", "public", "private")
    assert done.code == 1
    assert "cargo could not build mycelium" in done.err
    assert program_output(world, "mycelium-private") == "mycelium-private joins the private network"
    assert not (world.root.path / "bin" / "mycelium").exists()


def test_a_program_of_two_workspaces_is_ambiguous(world: World, ambiguous: git_repos.Upstream) -> None:
    message = f"2 workspaces of {checkout_path(world)} have a program app: one and two"
    hint = 'Name one of them in the recipe: Cargo(workspace="one").'
    world.run("install", "app")  # clones
    assert_refused(world, Refusal(6, kind="BuildError", message=message, hint=hint), "install", "app")


@pytest.mark.parametrize("name", ["one", "two"])
def test_the_recipe_may_name_the_workspace(world: World, ambiguous: git_repos.Upstream, name: str) -> None:
    add_recipe(world, "app", cargo=f'Cargo(workspace="{name}")')
    world.ok("install", "app")
    assert program_output(world) == name
    assert "nothing to do" in world.ok("install", "app")


@pytest.mark.parametrize("name", ["../app", "/srv/app", "one/../../app"])
def test_a_workspace_outside_of_the_checkout_is_refused(world: World, ambiguous: git_repos.Upstream, name: str) -> None:
    add_recipe(world, "app", cargo=f'Cargo(workspace="{name}")')
    done = world.run("install", "app")
    assert (done.code, "which is not in its checkout" in done.err) == (RecipeError.code, True)


def test_the_root_comes_first(world: World) -> None:
    """A nested workspace that repeats one of its programs, such as an example, changes nothing."""
    add_recipe(world, "app")
    root = rust_crates.manifest("app", '[workspace]\nexclude = ["one"]\n')
    files = {"Cargo.toml": root, "src/main.rs": rust_crates.program("root"), **own_workspace("one", "app")}
    git_repos.upstream(world.mirror, "o/app", {".gitignore": "target\n", **files})
    world.ok("install", "app")
    assert program_output(world) == "root"


def test_a_repo_without_a_manifest_at_its_root(world: World) -> None:
    add_recipe(world, "app")
    git_repos.upstream(world.mirror, "o/app", {".gitignore": "target\n", **own_workspace("one", "app")})
    world.ok("install", "app")
    assert program_output(world) == "one"


def test_a_program_that_is_nowhere(world: World, mycelium: git_repos.Upstream) -> None:
    """The error lists the programs of every workspace; one that cargo cannot read is named."""
    mycelium.commit({"broken/Cargo.toml": "[package\n"})
    add_recipe(world, "mycelium", "myceliun")
    done = world.run("install", "mycelium")
    assert done.code == BuildError.code
    assert "no workspace of" in done.err
    assert "has a program myceliun" in done.err
    hint = "They have: mycelium (myceliumd); mycelium-private (myceliumd-private). Nearest: mycelium"
    assert hint in " ".join(done.err.split())
    assert "Not searched: cargo cannot read the workspace" in " ".join(done.err.split())


def test_an_own_build_calls_cargo_in_each_workspace(world: World, mycelium: git_repos.Upstream) -> None:
    path = world.recipe("mycelium", *BOTH)
    text = path.read_text().replace("import Recipe", "import Cargo, Recipe")
    build = (
        "    def build(self, ctx):\n        return ctx.cargo(Cargo(features=('vendored-openssl',)), *ctx.programs)\n"
    )
    path.write_text(f"{text}\n{build}")
    world.ok("install", "mycelium")
    assert program_output(world, "mycelium-private") == "mycelium-private joins the private network"
    assert "nothing to do" in world.ok("install", "mycelium")


def test_vendored_crates_and_members_are_no_workspaces_of_their_own(world: World, spies: Spies) -> None:
    """A repo with one workspace is read once, when it is built."""
    add_recipe(world, "app")
    files = {
        "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\nexclude = ["vendor"]\nresolver = "2"\n',
        "crates/app/Cargo.toml": rust_crates.manifest("app"),
        "crates/app/src/main.rs": rust_crates.program("app"),
        "vendor/dep/Cargo.toml": rust_crates.manifest("dep"),
        "vendor/dep/.cargo-checksum.json": "{}",
        "vendor/dep/src/main.rs": rust_crates.program("dep"),
    }
    git_repos.upstream(world.mirror, "o/app", {".gitignore": "target\n", **files})
    add_recipe(world, "app", "missing")
    done = world.run("install", "app")
    assert "It has: app." in done.err
    assert "dep" not in done.err


def test_audit_compares_every_workspace(world: World, mycelium: git_repos.Upstream) -> None:
    clone_checkout(world, "mycelium")
    output = world.ok("audit", "mycelium", "--no-release")
    assert "2 binaries  not asked  agree" in output


def test_the_fingerprint_of_one_workspace_keeps_its_value(tmp_path: Path) -> None:
    """The components, digests of what their inputs were before a repo could have several workspaces."""
    tree = rust_crates.app(tmp_path / "app")
    job = CargoJob(Tree(tree, commit="c", dirty=False, changes=()), Cargo(), ("app",))
    parts = dict(fingerprint(job, recipe=(), siblings=(), cache=tmp_path / "cache").parts)
    assert parts["cargo"] == "6e43959cada2591b2cda8b345cbeb901"
    assert parts["lock"] == "3ae845d8c7edcef1a278ed491ca0f967"
