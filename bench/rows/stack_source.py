"""The whole stack from source: 15 small web services in 15 repositories with lock files of their own.

What they depend on (axum, tokio, serde) takes minutes to compile, a service seconds. cargo is what a person types in
each checkout in turn. One round: it takes cargo a quarter of an hour.
"""

import shutil
import subprocess
from functools import partial
from pathlib import Path

from bench import floors, rust
from bench.bench import Bench
from bench.measure import Command, Failed, Peer, compare, once, seconds
from bench.places import TOOLS
from bench.profiles import Recorder, profiled
from bench.result import HERO, Row, Target
from bench.scratch import scratch, starts

APPS = tuple(f"web{number:02}" for number in range(1, 16))
_TURN, _ONE = "cargo build, each in turn", "cargo build, that one alone"
_MANIFEST = """[package]
name = "{name}"
version = "0.1.0"
edition = "2021"

[dependencies]
axum = "0.8"
serde = {{ version = "1", features = ["derive"] }}
serde_json = "1"
tokio = {{ version = "1", features = ["macros", "net", "rt-multi-thread", "signal"] }}
"""
_MAIN = """use axum::{{routing::get, Json, Router}};
use serde::Serialize;

#[derive(Serialize)]
struct Health {{ name: &'static str, status: &'static str }}

async fn health() -> Json<Health> {{
    Json(Health {{ name: "{name}", status: "{word}" }})
}}

#[tokio::main]
async fn main() {{
    let path = std::env::args().nth(1).expect("a socket");
    let listener = tokio::net::UnixListener::bind(path).unwrap();
    axum::serve(listener, Router::new().route("/health", get(health))).await.unwrap();
}}
"""
_RECIPE = '''"""{name}: one web service."""

from hero_build.recipe import Recipe, server


class App(Recipe):
    repo = "bench/{name}"
    binaries = (server("{name}"),)
'''


def rows(bench: Bench) -> list[Row]:
    mirror = _mirror()
    with scratch("stack") as folder:
        cold = _cold(bench, mirror, folder)
        nothing = _nothing(bench, mirror, folder)
        edited = _edited(bench, mirror, folder)
    return [cold, edited, nothing]


def _mirror() -> Path:
    """A directory mirror with the 15 repositories; what they depend on is fetched: no time has a network in it."""
    mirror = TOOLS / "stack-mirror"
    if not (mirror / "complete").exists():
        shutil.rmtree(mirror, ignore_errors=True)
        for name in APPS:
            rust.mirrored(
                mirror,
                name,
                {
                    ".gitignore": "/target\n",
                    "Cargo.toml": _MANIFEST.format(name=name),
                    "src/main.rs": _MAIN.format(name=name, word="ok"),
                },
            )
            (mirror / "recipes").mkdir(exist_ok=True)
            (mirror / "recipes" / f"{name}.py").write_text(_RECIPE.format(name=name))
        (mirror / "complete").touch()
    return mirror


def _turn(mirror: Path, folder: Path) -> float:
    """cargo in a clone of each, into the target folder that each has."""
    trees = [_clone(mirror, name, folder / "turn") for name in APPS]
    took = sum(once(Peer(_TURN, partial(_cargo, tree)), seconds) for tree in trees)
    for name, tree in zip(APPS, trees, strict=True):
        if not (tree / "target/release" / name).is_file():
            raise Failed(f"cargo built no {name}")
        if name != APPS[0]:
            shutil.rmtree(tree / "target")  # the first one is built again after an edit
    return took


def _cold(bench: Bench, mirror: Path, folder: Path) -> Row:
    theirs, recorder = _turn(mirror, folder), Recorder(timed=True)
    ours = once(Peer(HERO, lambda _: _hero(bench, mirror, folder)), recorder)
    if not all((folder / "root/bin" / name).is_file() for name in APPS):
        raise Failed("hero-build left a service out")
    samples, targets = {_TURN: (theirs,), HERO: (ours,)}, (Target(0.2, _TURN),)
    row = Row("stack-cold", title="15 apps from source, cold", unit="s", samples=samples, targets=targets)
    return recorder.onto(floors.built(row, recorder.times()))


def _nothing(bench: Bench, mirror: Path, folder: Path) -> Row:
    again = _hero(bench, mirror, folder)
    seconds(again)
    samples = compare([Peer(HERO, lambda _: again)], bench.many, seconds)
    fact = ("hero-build starts no cargo where no app changed", not starts("cargo", again))
    title = "15 apps from source, nothing changed"
    row = Row("stack-noop", title=title, unit="s", samples=samples, targets=(Target(0.3),), facts=(fact,))
    return profiled(row, Peer(HERO, lambda _: again))


def _edited(bench: Bench, mirror: Path, folder: Path) -> Row:
    """One file of one app is edited before each run; hero-build installs all fifteen."""
    name, number = APPS[0], iter(range(1, 1000))
    tree, checkout = folder / "turn" / name, folder / "root/code0/bench" / name

    def edit(place: Path, command: Command) -> Command:
        (place / "src/main.rs").write_text(_MAIN.format(name=name, word=f"ok {next(number)}"))
        return command

    peers = [
        Peer(_ONE, lambda home: edit(tree, _cargo(tree, home))),
        Peer(HERO, lambda _: edit(checkout, _hero(bench, mirror, folder))),
    ]
    samples = compare(peers, bench.rounds, seconds)
    title, targets = "15 apps from source, one edited", (Target(1.1, _ONE),)
    row = Row("stack-edited", title=title, unit="s", samples=samples, targets=targets)
    return floors.edited(row, peers[-1])


def _clone(mirror: Path, name: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "clone", "--quiet", str(mirror / f"bench/{name}.git"), name], cwd=folder, check=True)
    return folder / name


def _cargo(tree: Path, home: Path) -> Command:
    return Command(("cargo", "build", "--release", "--locked"), rust.toolchain(home), tree)


def _hero(bench: Bench, mirror: Path, folder: Path) -> Command:
    own: dict[str, str | Path] = {
        **rust.UNWRAPPED,
        "HERO_ROOT": folder / "root",
        "HERO_BUILD_CACHE": folder / "cache",
        "HERO_RECIPES": mirror / "recipes",
    }
    env = rust.toolchain(folder, **own, FORGEJO_URL=mirror.as_uri())
    return Command((str(bench.context.hero), "install", *APPS, "--mode", "source"), env, folder)
