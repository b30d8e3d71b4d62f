"""Missing tools and workspaces that cannot be built are errors before anything is changed."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from support import desktops, git_repos, source_builds, wasm_toolchain
from support.refusals import Refusal
from support.spies import calls, record_calls, stand_in
from support.worlds import World

pytestmark = [pytest.mark.timeout(1800), pytest.mark.usefixtures("toolchain")]
BUILD = ("islands", "--mode", "source")
VERSION = wasm_toolchain.WASM_BINDGEN
LOCK = f'version = 4\n\n[[package]]\nname = "wasm-bindgen"\nversion = "{VERSION}"\n'
WORKSPACE = '[workspace]\nmembers = ["one", "two"]\nresolver = "2"\n'
CRATE = '[package]\nname = "{name}"\nedition = "2021"\n\n[lib]\nname = "{library}"\ncrate-type = ["cdylib"]\n'
LIBRARY = "cannot be built"
RUSTC = f'case "$*" in *target-libdir*) echo /nowhere ;; *) exec {sys.executable} -c pass ;; esac'
BINDGEN = f"`cargo install wasm-bindgen-cli --locked --version {VERSION}`"
OPT = "`cargo install wasm-opt --locked`, or your system's binaryen package (not 108, which breaks modules)"


def workspace(world: World, **changed: str | None) -> None:
    """Two crates, as a repository and as a checkout; `changed` files are these texts, or are not there (None)."""
    files: Mapping[str, str | None] = {
        "Cargo.lock": LOCK,
        "Cargo.toml": WORKSPACE,
        "one/Cargo.toml": CRATE.format(name="one", library="island_one"),
        "one/src/lib.rs": LIBRARY,
        "two/Cargo.toml": CRATE.format(name="two", library="island_two"),
        "two/src/lib.rs": LIBRARY,
        **changed,
    }
    present = {name: text for name, text in files.items() if text is not None}
    git_repos.upstream(world.mirror, repo="o/hero_archipelagos", files=present, branch=desktops.BRANCH)
    source_builds.clone_checkout(world, "hero_archipelagos")


@pytest.fixture
def installed(world: World) -> World:
    """The island `notes` of a release."""
    desktops.islands(world, "v1", "notes")
    world.ok("islands")
    return world


def no(*names: str) -> Callable[[Path, pytest.MonkeyPatch], object]:
    def without(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in source_builds.path_without(folder, *names).items():
            if name == "PATH":  # where cargo keeps its things stays as it is
                monkeypatch.setenv(name, value)

    return without


def instead(name: str, script: str) -> Callable[[Path, pytest.MonkeyPatch], object]:
    return lambda folder, monkeypatch: stand_in(folder, name=name, script=script, monkeypatch=monkeypatch)


@dataclass(frozen=True, slots=True)
class Row:
    """`spoil` makes the machine so, the command ends with this problem and these commands."""

    spoil: Callable[[Path, pytest.MonkeyPatch], object]
    problem: str
    install: str
    words: tuple[str, ...] = ()


ROWS = {
    "another-bindgen": Row(
        instead("wasm-bindgen", "echo wasm-bindgen 0.2.100"),
        f"wasm-bindgen is 0.2.100, but Cargo.lock has {VERSION}",
        BINDGEN,
    ),
    "no-bindgen": Row(no("wasm-bindgen"), "wasm-bindgen is not on this machine…", BINDGEN),
    "no-opt": Row(no("wasm-opt"), "wasm-opt is not on this machine…", OPT),
    "opt-108": Row(
        instead("wasm-opt", 'test "$1" = --version && echo wasm-opt version 108; exit 0'),
        "wasm-opt 108 breaks modules while it reports success…",
        OPT,
    ),
    "no-pack": Row(
        no("wasm-pack"),
        problem="wasm-pack is not on this machine…",
        install="`cargo install wasm-pack --locked`",
        words=("--backend", "wasm-pack"),
    ),
    "no-target": Row(
        instead("rustc", RUSTC),
        "Rust's wasm32-unknown-unknown target is not installed",
        "`rustup target add wasm32-unknown-unknown` in …",
    ),
    "two-of-them": Row(
        no("wasm-bindgen", "wasm-opt"),
        "wasm-bindgen is not on this machine…; wasm-opt is not on this machine…",
        f"{BINDGEN}; {OPT}",
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_tool_that_is_missing_or_wrong(
    installed: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: Row
) -> None:
    workspace(installed)
    row.spoil(tmp_path / "path", monkeypatch)
    words = (*BUILD, *row.words)
    desktops.refused(installed, missing(row.problem, row.install), *words, env={"PATH": os.environ["PATH"]})
    assert desktops.version(installed, "notes") == "v1"


def missing(problem: str, install: str) -> Refusal:
    sentence = f"bundles cannot be built here: {problem}"
    return Refusal(8, kind="MissingTool", message=sentence, hint=f"Install what is missing: {install}.")


def test_a_cold_install_detects_the_tools_once(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan and build share the versions, the wasm-opt self-test, and one folder for what they cache."""
    code = desktops.sources(world, "greeter")
    notes = {name: record_calls(tmp_path / "path", name, monkeypatch) for name in ("wasm-opt", "wasm-bindgen")}
    done = world.run("islands", env={**code.environ, "PATH": os.environ["PATH"]})
    assert done.code == 0, done.err
    wasm_opt = calls(notes["wasm-opt"])
    assert len([words for words in wasm_opt if words[0].endswith("/in.wasm")]) == 1
    assert wasm_opt.count(["--version"]) == calls(notes["wasm-bindgen"]).count(["--version"]) == 1
    assert len(calls(notes["wasm-bindgen"])) == 2
    cache = Path(world.environ()["HERO_BUILD_CACHE"])
    assert [path.relative_to(cache).parts[0] for path in cache.rglob("wasm-tools.json")] == ["wasm-tools.json"]
    assert [path.relative_to(cache).parts[0] for path in cache.rglob("rustc.json")] == ["rustc.json"]


def test_no_lock_file(installed: World) -> None:
    workspace(installed, **{"Cargo.lock": None})
    refusal = Refusal(
        6,
        kind="BuildError",
        message="… has no Cargo.lock, which names the version of wasm-bindgen",
        hint="Run `cargo generate-lockfile` in …, review the file, and commit it.",
    )
    desktops.refused(installed, refusal, *BUILD)


def test_two_crates_with_one_library_name(installed: World) -> None:
    workspace(installed, **{"two/Cargo.toml": CRATE.format(name="two", library="island_one")})
    refusal = Refusal(
        6,
        kind="BuildError",
        message="one and two of … both have a library island_one",
        hint="Each bundle needs a name of its own: set `name` below [lib] in …/two/Cargo.toml.",
    )
    desktops.refused(installed, refusal, *BUILD)


@pytest.mark.parametrize("library", ["a/b", "..", "\x1b[31mred"])
def test_a_library_of_a_name_that_leaves_its_folder(installed: World, library: str) -> None:
    """cargo lets it pass."""
    name = library.replace("\x1b", "\\u001b")  # as TOML has it
    workspace(installed, **{"two/Cargo.toml": CRATE.format(name="two", library=name)})
    hint = "The name comes from outside; ask its publisher for a plain one."
    refusal = Refusal(2, kind="UnsafeName", message=f"{library!r} cannot be the name of an island", hint=hint)
    desktops.refused(installed, refusal, *BUILD)


def test_a_workspace_without_islands(installed: World) -> None:
    plain = CRATE.replace("cdylib", "rlib")
    workspace(installed, **{f"{name}/Cargo.toml": plain.format(name=name, library=name) for name in ("one", "two")})
    refusal = Refusal(
        3,
        kind="BundleNotFound",
        message="no member of the workspace … becomes a bundle",
        hint='A library becomes a bundle with `crate-type = ["cdylib"]` in its Cargo.toml.',
    )
    desktops.refused(installed, refusal, *BUILD)


def test_the_shell_takes_the_same_tools(installed: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git_repos.upstream(installed.mirror, repo="o/hero_os", files={"Cargo.lock": LOCK}, branch=desktops.BRANCH)
    source_builds.clone_checkout(installed, "hero_os")
    no("wasm-opt")(tmp_path / "path", monkeypatch)
    refusal = missing("wasm-opt is not on this machine…", OPT)
    refusal = replace(refusal, message=f"no release exists, so it would be built, and {refusal.message}")
    desktops.refused(installed, refusal, "shell", env={"PATH": os.environ["PATH"]})
