"""What recipes ask of a build: a library, a way of their own, repos beside theirs, sets that the tree tells."""

import hashlib
from pathlib import Path

import pytest

from hero_build.platforms import machine_arch
from support import git_repos, refusals, roots, rust_crates, source_builds
from support.elf_files import shared_bytes
from support.refusals import Refusal
from support.source_builds import SOURCE, Spies, assert_refused, checkout_path, installed_app, program_output
from support.worlds import World

WITH_LIBRARY = '''"""A test app that is built with a library."""

from hero_build.recipe import Cargo, Pinned, Platform, Recipe, cli, library


class App(Recipe):
    repo = "o/app"
    binaries = (cli("app"),)
    libraries = (library("libthing.so", Pinned("linux-{arch}", "https://upstream.example/libthing.so", "{digest}")),)

    def cargo(self, platform: Platform) -> Cargo:
        return Cargo(env=(("THING_LIB_LOCATION", "{{lib}}"),))
'''
OWN = '''"""A test app with a build of its own."""

from hero_build.recipe import BuildContext, Cargo, Recipe, cli


class App(Recipe):
    repo = "o/app"
    binaries = (cli("app"), cli("copy"))

    def build(self, ctx: BuildContext):
{body}
'''
COPIED = """        made = dict(ctx.cargo(Cargo(), "app"))
        ctx.run("cp", str(made["app"]), "target/copy", env={"ODD": "1"})
        return {**made, "copy": ctx.tree / "target" / "copy"}"""
MEASURES = """use std::{env, fs, path::Path};

fn main() {
    println!("cargo:rerun-if-env-changed=THING_LIB_LOCATION");
    let place = env::var("THING_LIB_LOCATION").unwrap();
    let thing = fs::read(Path::new(&place).join("libthing.so")).unwrap();
    println!("cargo:rustc-env=THING={}", thing.len());
}
"""


def with_library(world: World, content: bytes) -> None:
    """Pinned in the recipe, and in the mirror."""
    digest = hashlib.sha256(content).hexdigest()
    (world.mirror / "_pinned").mkdir(exist_ok=True)
    (world.mirror / "_pinned" / digest).write_bytes(content)
    (world.recipes / "app.py").write_text(WITH_LIBRARY.format(arch=machine_arch(), digest=digest))


def test_a_library_is_there_while_it_is_built_and_installed(world: World, spies: Spies) -> None:
    program = 'fn main() { println!("{}", env!("THING")); }\n'
    git_repos.upstream(world.mirror, "o/app", {**rust_crates.APP, "build.rs": MEASURES, "src/bin/app.rs": program})
    with_library(world, shared_bytes())
    world.ok(*SOURCE)
    assert program_output(world) == str(len(shared_bytes()))
    assert (world.root.path / "lib" / "libthing.so").read_bytes() == shared_bytes()
    assert set(installed_app(world)["libraries"]) == {"libthing.so"}
    assert world.run("verify").code == 0
    roots.settled(world.root)
    spies.forget()
    assert "nothing to do" in world.ok(*SOURCE)
    assert spies.calls("cargo") == []
    with_library(world, shared_bytes(b"another pin\n"))
    world.ok(*SOURCE)
    assert (world.root.path / "lib" / "libthing.so").read_bytes() == shared_bytes(b"another pin\n")


def test_a_library_that_is_not_the_pinned_one_is_no_build(world: World, spies: Spies) -> None:
    git_repos.upstream(world.mirror, "o/app", rust_crates.APP)
    with_library(world, shared_bytes())
    (path,) = (world.mirror / "_pinned").iterdir()
    path.write_bytes(shared_bytes(b"not what was pinned\n"))
    world.run(*SOURCE)
    assert_refused(
        world,
        Refusal(5, kind="ChecksumMismatch", message="libthing.so has the sha256 …, expected …", hint="…"),
        *SOURCE,
    )
    assert spies.builds() == []


def own(world: World, body: str) -> Path:
    git_repos.upstream(world.mirror, "o/app", rust_crates.APP)
    recipe = world.recipes / "app.py"
    recipe.write_text(OWN.format(body=body))
    return recipe


def test_a_build_of_its_own(world: World, spies: Spies) -> None:
    own(world, COPIED)
    world.ok(*SOURCE)
    assert [program_output(world, name) for name in ("app", "copy")] == ["app", "app"]
    assert installed_app(world)["build"]["fingerprint"]["recipe"]
    roots.settled(world.root)
    spies.forget()
    assert "nothing to do" in world.ok(*SOURCE)
    assert len(spies.builds()) == 1


def test_a_build_of_its_own_may_say_where_from_within_the_tree(world: World) -> None:
    own(world, COPIED.replace('ctx.tree / "target" / "copy"', '"target/copy"'))
    world.ok(*SOURCE)
    assert program_output(world, "copy") == "app"


STEPS = """        ctx.run("sh", "-c", "echo step one")
        ctx.cargo(Cargo(), "app")
        ctx.run("sh", "-c", "echo step three; exit 7")"""


def test_the_log_has_every_step_of_a_build_and_no_other_build(world: World) -> None:
    own(world, STEPS)
    for _ in range(2):
        document = world.run(*SOURCE, "--json").document["failed"][0]
        lines = Path(document["log"]).read_text().splitlines()
        assert [line for line in lines if line.startswith("step")] == ["step one", "step three"]
    assert any("Finished" in line for line in lines)


def test_each_checkout_has_a_log_of_its_own(world: World) -> None:
    own(world, STEPS)
    elsewhere = {"CODEROOT": str(world.folder / "elsewhere")}
    document = [world.run(*SOURCE, "--json", env=env).document["failed"][0] for env in ({}, elsewhere)]
    logs = [Path(item["log"]) for item in document]
    assert logs[0] != logs[1]
    assert all("step three" in log.read_text() for log in logs)


BODIES = {
    "raises": ('        raise ValueError("odd")', 2, "RecipeError", "the recipe {recipe} failed: ValueError: odd"),
    "exits": ("        raise SystemExit(0)", 2, "RecipeError", "the recipe {recipe} failed: SystemExit: 0"),
    "gives-nothing": ("        return {}", 2, "RecipeError", "the recipe's own build made no app, copy"),
    "gives-none": ("        return None", 2, "RecipeError", "the recipe {recipe} failed: …"),
    "gives-numbers": (
        "        return dict.fromkeys(ctx.programs, 7)",
        2,
        "RecipeError",
        "the recipe {recipe} failed: …",
    ),
    "gives-what-is-not-there": (
        '        return dict.fromkeys(ctx.programs, ctx.tree / "absent")',
        2,
        "RecipeError",
        "the recipe's own build made no app, copy",
    ),
    "gives-a-folder": (
        "        return dict.fromkeys(ctx.programs, ctx.tree)",
        2,
        "RecipeError",
        "the recipe's own build made no app, copy",
    ),
    "gives-a-script": (
        '        return dict.fromkeys(ctx.programs, ctx.tree / "Cargo.toml")',
        5,
        "InvalidBinary",
        "app is a JSON document that begins with '[package]', not a program",
    ),
    "runs-what-fails": (
        '        ctx.run("sh", "-c", "echo so it goes; exit 7")',
        6,
        "BuildError",
        "`sh -c echo so it goes; exit 7` ended with 7: so it goes",
    ),
    "runs-what-is-not-there": (
        '        ctx.run("no-such-tool")',
        8,
        "MissingTool",
        "no-such-tool is not on this machine",
    ),
    "asks-for-what-is-not-there": (
        '        return ctx.cargo(Cargo(), "absent")',
        6,
        "BuildError",
        "the workspace {tree} has no program absent",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_build_of_its_own_that(name: str, world: World) -> None:
    body, code, kind, message = BODIES[name]
    recipe = own(world, body)
    refusal = Refusal(code, kind=kind, message=message.format(recipe=recipe, tree=checkout_path(world)), hint="…")
    refusals.check_refusal(world.run(*SOURCE, "--json"), refusal, as_json=True)
    done = assert_refused(world, refusal, *SOURCE)
    if kind == "RecipeError":
        assert str(recipe) in done.err
    assert "forge" not in done.err


def test_repos_beside_its_own(world: World, spies: Spies) -> None:
    """They are cloned as `../name`, and a change in one is a change of the app."""
    uses = {
        **{name: text for name, text in rust_crates.APP.items() if name != "Cargo.lock"},
        "Cargo.toml": rust_crates.manifest("app", '[dependencies]\nword = { path = "../word" }\n'),
        "src/bin/app.rs": 'fn main() { println!("{}", word::word()); }\n',
    }
    source_builds.add_app(world, files=uses, siblings='("o/word",)')
    word = git_repos.upstream(world.mirror, "o/word", library("one"))
    world.ok(*SOURCE)
    assert program_output(world) == "one"
    beside = checkout_path(world, "word")
    assert (beside / ".git").is_dir()
    spies.forget()
    assert "nothing to do" in world.ok(*SOURCE)
    assert spies.calls("cargo") == []
    git_repos.write(beside, library("mine"))
    before = source_builds.user_state(beside)
    assert "siblings" in world.ok(*SOURCE, "-n")
    world.ok(*SOURCE)
    assert program_output(world) == "mine"
    assert "nothing to do" in world.ok(*SOURCE)
    assert source_builds.user_state(beside) == before
    git_repos.git(beside, "checkout", "--quiet", ".")
    word.commit(library("two"))
    world.ok(*SOURCE, "--update")
    assert program_output(world) == "two"


def library(text: str) -> dict[str, str]:
    return {
        "Cargo.toml": rust_crates.manifest("word"),
        "src/lib.rs": f'pub fn word() -> &\'static str {{ "{text}" }}\n',
    }


def test_a_sibling_that_is_not_to_be_had(world: World, spies: Spies) -> None:
    source_builds.add_app(world, siblings='("o/word",)')
    world.run(*SOURCE)
    assert_refused(world, Refusal(3, kind="RepoNotFound", message="no repository at …/o/word.git…", hint="…"), *SOURCE)
    assert spies.builds() == []


def test_programs_that_the_tree_lists(world: World) -> None:
    """A recipe without binaries: service.toml of the checkout says what there is."""
    document = '[[binaries]]\nname = "app"\nkind = "cli"\n\n[[binaries]]\nname = "app_server"\nkind = "server"\n'
    upstream = git_repos.upstream(world.mirror, "o/app", {**rust_crates.APP, "service.toml": document})
    (world.recipes / "app.py").write_text(
        '"""A test app."""\n\nfrom hero_build.recipe import Recipe\n\n\nclass App(Recipe):\n    repo = "o/app"\n'
    )
    world.ok("install", "app")
    assert {name: item["kind"] for name, item in installed_app(world)["binaries"].items()} == {
        "app": "cli",
        "app_server": "server",
    }
    upstream.commit({"service.toml": document.partition("\n\n")[0] + "\n"})
    world.ok("install", "app", "--update")
    assert set(installed_app(world)["binaries"]) == {"app"}
    assert not (world.root.path / "bin" / "app_server").exists()


def test_features_and_packages(world: World, spies: Spies) -> None:
    """Of the recipe's Cargo: a program that needs a feature, and one name in two packages."""
    files = {
        "Cargo.toml": '[workspace]\nmembers = ["one", "two"]\nresolver = "2"\n',
        "one/Cargo.toml": rust_crates.manifest(
            "one", '[features]\nloud = []\n[[bin]]\nname = "app"\nrequired-features = ["loud"]\n'
        ),
        "one/src/bin/app.rs": rust_crates.program("loud"),
        "two/Cargo.toml": rust_crates.manifest("two"),
        "two/src/bin/app.rs": rust_crates.program("two"),
    }
    git_repos.upstream(world.mirror, "o/app", files)
    recipe = world.recipe("app")
    done = world.run(*SOURCE)
    assert (done.code, "one and two of " in done.err) == (6, True)
    text = recipe.read_text().replace("import Recipe", "import Cargo, Recipe")
    cargo = 'Cargo(features=("loud",), packages=("one",))'
    recipe.write_text(f"{text}\n    def cargo(self, platform):\n        return {cargo}\n")
    world.ok(*SOURCE)
    assert program_output(world) == "loud"
