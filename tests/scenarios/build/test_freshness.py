"""What a build reads beside its checkout: a change of it is noticed, and without one no cargo is started."""

import os
import subprocess
from pathlib import Path

import pytest

from support import git_repos, rust_crates, source_builds
from support.publish_cli import PLATFORM
from support.source_builds import SOURCE, Spies, checkout_path, program_output
from support.worlds import World

ECHO = 'fn main() {{ println!("{{}}", {}); }}\n'
SCRIPT = """use std::process::Command;

fn main() {{
    {lines}
    let output = Command::new("git").args(["describe", "--tags", "--always"]).output().unwrap();
    println!("cargo:rustc-env=DESCRIBED={{}}", String::from_utf8(output.stdout).unwrap().trim());
}}
"""
SAYS = """fn main() {
    println!("cargo:rerun-if-env-changed=WORD");
    println!("cargo:rustc-env=SAID={}", std::env::var("WORD").unwrap_or_default());
}
"""
READS = """use std::fs;

fn main() {{
    println!("cargo::rerun-if-changed={file}");
    println!("cargo:rustc-env=FROM_FILE={{}}", fs::read_to_string("{file}").unwrap_or_default().trim());
}}
"""


def app_files(program: str, **more: str) -> dict[str, str]:
    return {**rust_crates.APP, "src/bin/app.rs": program, **more}


def installed(world: World, spies: Spies) -> str:
    """Install twice; the second run starts no cargo. What the program prints."""
    world.ok(*SOURCE)
    spies.forget()
    assert "is up to date with its checkout; files intact" in world.ok(*SOURCE)
    assert spies.calls("cargo") == []
    return program_output(world)


def kept(world: World, spies: Spies) -> None:
    """A third run that finds nothing to do: no generation is made, and the fourth starts no cargo again."""
    number = os.readlink(world.root.current)
    assert "nothing to do: app: " in world.ok(*SOURCE)
    assert os.readlink(world.root.current) == number
    spies.forget()
    assert "is up to date with its checkout" in world.ok(*SOURCE)
    assert spies.calls("cargo") == []


def forget(world: World) -> None:
    """Remove what earlier builds and answers left beside the installed files."""
    (world.root.path / "var" / "hero_build" / "receipt").unlink(missing_ok=True)
    for record in (world.folder / "cache" / "inputs").iterdir():
        record.unlink()


def with_outside_crate(world: World) -> Path:
    """The app uses the crate `word`, which is beside the checkouts and belongs to no repository."""
    outside = world.root.path / "code0" / "word"
    git_repos.write(
        outside,
        {
            "Cargo.toml": '[package]\nname = "word"\nversion = "0.1.0"\nedition = "2021"\n',
            "src/lib.rs": 'pub fn word() -> &\'static str { "one" }\n',
        },
    )
    manifest = f'{rust_crates.APP["Cargo.toml"]}\n[dependencies]\nword = {{ path = "../../word" }}\n'
    program = 'fn main() { println!("{}", word::word()); }\n'
    files = {**app_files(program), "Cargo.toml": manifest}
    source_builds.add_app(world, files={name: text for name, text in files.items() if name != "Cargo.lock"})
    return outside


def test_a_path_dependency_outside_the_checkout(world: World, spies: Spies) -> None:
    outside = with_outside_crate(world)
    assert installed(world, spies) == "one"
    git_repos.write(outside, {"src/lib.rs": 'pub fn word() -> &\'static str { "two" }\n'})
    assert "(source)" in world.ok(*SOURCE)
    assert program_output(world) == "two"
    kept(world, spies)


def test_what_is_published_is_built_from_it(world: World, spies: Spies) -> None:
    outside = with_outside_crate(world)
    path = world.recipes / "app.py"
    path.write_text(path.read_text().replace('repo = "o/app"', 'repo = "o/app"\n    libc = "gnu"'))
    out = world.folder / "out"
    for tag in ("one", "two"):
        git_repos.write(outside, {"src/lib.rs": f'pub fn word() -> &\'static str {{ "{tag}" }}\n'})
        world.ok("publish", "app", "--tag", tag, "--to", out.as_uri())
        program = out / "o" / "app" / tag / f"app-{PLATFORM}"
        program.chmod(0o755)
        assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == f"{tag}\n"


OWN_BUILD = """
    def build(self, ctx):
        built = dict(ctx.cargo(ctx.usual))
        {read}
        return {{**built, "app": ctx.tree / "target" / "joined"}}
"""
READS_OUTSIDE = {
    "by a program": 'ctx.run("sh", "-c", f"cat {{built[\'app\']}} {file} >target/joined")',
    "by the recipe": """word = open("{file}", "rb").read()
        (ctx.tree / "target" / "joined").write_bytes(built["app"].read_bytes() + word)""",
}


@pytest.mark.parametrize("reader", READS_OUTSIDE)
def test_a_recipes_own_build_runs_each_time(reader: str, world: World, spies: Spies) -> None:
    """What its code and the programs that it runs read cannot be known; equal results are nothing to do."""
    file = world.folder / "outside.txt"
    file.write_text("one")
    source_builds.add_app(world)
    recipe = world.recipes / "app.py"
    recipe.write_text(recipe.read_text() + OWN_BUILD.format(read=READS_OUTSIDE[reader].format(file=file)))
    world.ok(*SOURCE)
    number = os.readlink(world.root.current)
    assert "decided by  the recipe's own build" in world.ok("explain", "app", "--mode", "source")
    assert "nothing to do: app: " in world.ok(*SOURCE)
    assert os.readlink(world.root.current) == number
    file.write_text("two")
    world.ok(*SOURCE)
    assert (world.root.path / "bin" / "app").read_bytes().endswith(b"two")


def test_the_manifest_of_a_path_dependency(world: World, spies: Spies) -> None:
    outside = with_outside_crate(world)
    git_repos.write(outside, {"src/lib.rs": 'pub fn word() -> &\'static str { env!("CARGO_PKG_DESCRIPTION") }\n'})
    assert installed(world, spies) == ""
    with (outside / "Cargo.toml").open("a") as file:
        file.write('description = "described"\n')
    world.ok(*SOURCE)
    assert program_output(world) == "described"


@pytest.mark.parametrize("macro", ['option_env!("WORD").unwrap_or("none")', 'env!("WORD")'])
def test_a_variable(macro: str, world: World, spies: Spies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "one")
    source_builds.add_app(world, files=app_files(ECHO.format(macro)))
    assert installed(world, spies) == "one"
    monkeypatch.setenv("WORD", "two")
    explained = world.ok("explain", "app", "--mode", "source")
    assert "changed since the last build: $WORD" in explained
    world.ok(*SOURCE)
    assert program_output(world) == "two"
    kept(world, spies)


def test_a_variable_of_a_build_script(world: World, spies: Spies, monkeypatch: pytest.MonkeyPatch) -> None:
    source_builds.add_app(world, files=app_files(ECHO.format('env!("SAID")'), **{"build.rs": SAYS}))
    assert installed(world, spies) == ""
    monkeypatch.setenv("WORD", "two")
    world.ok(*SOURCE)
    assert program_output(world) == "two"


def test_a_file_that_a_build_script_names(world: World, spies: Spies) -> None:
    file = world.folder / "outside.txt"
    files = app_files(ECHO.format('env!("FROM_FILE")'), **{"build.rs": READS.format(file=file)})
    source_builds.add_app(world, files=files)
    world.ok(*SOURCE)
    file.write_text("one")
    world.ok(*SOURCE)
    assert program_output(world) == "one"
    assert installed(world, spies) == "one"
    file.write_text("two")
    world.ok(*SOURCE)
    assert program_output(world) == "two"


def test_a_file_that_git_ignores(world: World, spies: Spies) -> None:
    program = ECHO.format('include_str!("../../word.txt").trim()')
    source_builds.add_app(world, files=app_files(program, **{".gitignore": "/target\n/word.txt\n"}))
    tree = source_builds.clone_checkout(world)
    git_repos.write(tree, {"word.txt": "one"})
    assert installed(world, spies) == "one"
    git_repos.write(tree, {"word.txt": "two"})
    world.ok(*SOURCE)
    assert program_output(world) == "two"


@pytest.mark.parametrize(
    "lines",
    ['println!("cargo:rerun-if-changed=.git/refs/tags");', ""],
    ids=["a script that says what it reads", "a script that does not"],
)
def test_a_build_script_that_runs_git_describe(lines: str, world: World, spies: Spies) -> None:
    files = app_files(ECHO.format('env!("DESCRIBED")'), **{"build.rs": SCRIPT.format(lines=lines)})
    source_builds.add_app(world, files=files)
    before = installed(world, spies)
    git_repos.git(checkout_path(world), "tag", "v9")
    world.ok(*SOURCE)
    assert before != "v9"
    assert program_output(world) == "v9"
    kept(world, spies)


def test_a_file_that_cargo_configuration_includes(world: World, spies: Spies) -> None:
    source_builds.add_app(world, files=app_files(ECHO.format('option_env!("WORD").unwrap_or("none")')))
    above = world.root.path / "code0"
    git_repos.write(above, {".cargo/config.toml": 'include = ["more.toml"]\n', ".cargo/more.toml": "\n"})
    before = installed(world, spies)
    git_repos.write(above, {".cargo/more.toml": '[env]\nWORD = "two"\n'})
    explained = world.ok("explain", "app", "--mode", "source")
    assert before == "none"
    assert "changed since the last build: configuration" in explained


def test_what_is_not_recorded_is_for_cargo_to_say(world: World, spies: Spies) -> None:
    """Without the record, cargo is asked; it finds all fresh, and no generation is made."""
    source_builds.add_app(world)
    installed(world, spies)
    forget(world)
    explained = world.ok("explain", "app", "--mode", "source")
    assert "decided by  cargo, because not all" in explained
    kept(world, spies)
    assert "cargo is not started" in world.ok("explain", "app", "--mode", "source")


def test_a_receipt_lasts_as_long_as_what_the_build_read(
    world: World, spies: Spies, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = with_outside_crate(world)
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    assert installed(world, spies) == "one"
    world.ok(*SOURCE)
    git_repos.write(outside, {"src/lib.rs": 'pub fn word() -> &\'static str { "two" }\n'})
    world.ok(*SOURCE)
    assert program_output(world) == "two"
