"""The islands of tests/world/hero_archipelagos: five of distinct shape are files, the others come from a template.

tree = island_workspace.workspace(tmp_path / "hero_archipelagos")        # thirty islands, no Cargo.lock
tree = island_workspace.workspace(folder, names=("greeter", "shouter"))  # these only
site = island_workspace.site(tmp_path, "greeter", "shouter")             # these, locked, with what they share compiled
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from hero_build.model.artifacts import Cargo
from hero_build.model.steps import CargoJob, Tree
from hero_build.source.wasm import build as wasm_build
from hero_build.source.wasm.types import (
    TARGET,
    Backend,
    BuildFolders,
    BuildWatch,
    BuiltBundle,
    BundleResult,
    FailedBundle,
)
from support import wasm_toolchain

WORLD = Path(__file__).parents[1] / "world"
SHAPES = ("clock", "greeter", "inspector", "shouter", "sketch")
STAMPED = (
    *("agenda", "album", "atlas", "books", "browser", "budget", "calculator", "camera", "chat", "contacts"),
    *("dictionary", "editor", "files", "forms", "gallery", "kanban", "mail", "meetings", "music", "notes"),
    *("photos", "radio", "settings", "terminal", "weather"),
)
NAMES = tuple(sorted((*SHAPES, *STAMPED)))
"""The thirty islands by their crates' names; the bundle of `notes` is `island_notes`."""
_REAL = ("wasm-pack", "build", "--mode", "no-install", "--target", "web", "--release", "--out-dir")
LOUD = frozenset(("shouter", "meetings", "radio"))
"""Those that ask the shared crate for its feature `loud`."""
_MANIFEST = """\
[package]
name = "{name}"
description = "Island {number} of the archipelago"
version.workspace = true
edition.workspace = true
authors.workspace = true
license.workspace = true
publish.workspace = true

[lib]
name = "island_{name}"
crate-type = ["cdylib", "rlib"]

[dependencies]
archipelago_common = {{ workspace = true, features = [{features}] }}
wasm-bindgen.workspace = true
"""
_SOURCE = """\
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
pub fn number(times: u32) -> u32 {{
    (0..times).fold({number}, |sum, step| sum.rotate_left(3) ^ (step * {number}))
}}

#[wasm_bindgen]
pub fn mount(id: &str) -> Result<(), JsValue> {{
    archipelago_common::show(id, &format!("{{}}, number {number}", archipelago_common::greeting("{name}")))
}}
"""


def bundle(name: str) -> str:
    """What the island of a crate is called: its library."""
    return f"island_{name}"


def rendered_text(name: str) -> str:
    """What the page shows once the island has been mounted into a DIV."""
    special = {"clock": "clock 02:02", "inspector": "inspector sees a DIV", "sketch": "[ sketch ~~~ ]"}
    hello = f"HELLO {name.upper()}" if name in LOUD else f"hello {name}"
    return special.get(name, hello if name in SHAPES else f"{hello}, number {NAMES.index(name) + 1}")


def workspace(folder: Path, names: Sequence[str] = NAMES) -> Path:
    """The workspace with the islands `names` in a new folder; no git repository yet, and no Cargo.lock."""
    ignored = shutil.ignore_patterns("target", "Cargo.lock", "pkg", *(name for name in SHAPES if name not in names))
    shutil.copytree(WORLD / "hero_archipelagos", folder, ignore=ignored)
    for name in names:
        if name not in SHAPES:
            add_island(folder, name)
    return folder


def add_island(folder: Path, name: str, number: int | None = None) -> Path:
    """One more island from the template; its folder."""
    place = folder / "islands" / name
    (place / "src").mkdir(parents=True)
    value = number if number is not None else NAMES.index(name) + 1
    features = '"loud"' if name in LOUD else ""
    (place / "Cargo.toml").write_text(_MANIFEST.format(name=name, number=value, features=features))
    (place / "src" / "lib.rs").write_text(_SOURCE.format(name=name, number=value))
    return place


class IslandWorkspace(Struct, frozen=True):
    """A workspace to build bundles of, and hero-build's cache. `cargo`: a recipe's value.

    optimise: with wasm-opt.
    """

    tree: Path
    cache: Path
    cargo: Cargo = field(default_factory=Cargo)
    optimise: bool = True

    def job(self, *names: str) -> CargoJob:
        return CargoJob(Tree(self.tree, "0" * 40, False), self.cargo, names, target=TARGET, optimise=self.optimise)

    def build(
        self, out: Path, *names: str, backend: Backend = "direct", watch: BuildWatch | None = None
    ) -> dict[str, BundleResult]:
        """By name, in order; `out` is a new folder."""
        folders = BuildFolders(out, out.with_name(f"{out.name}.logs"), self.cache)
        results = wasm_build.build(self.job(*names), backend=backend, folders=folders, watch=watch or BuildWatch())
        return {result.name: result for result in results}

    def files(self, out: Path, *names: str, backend: Backend = "direct") -> dict[str, bytes]:
        """Of bundles that must all succeed: `<bundle>/<file>` and content."""
        results = self.build(out, *names, backend=backend)
        broken = [result.error for result in results.values() if isinstance(result, FailedBundle)]
        assert not broken, broken
        return files(out)

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.tree / path).read_text()
        assert old in text
        (self.tree / path).write_text(text.replace(old, new))

    def fresh(self, cache: Path) -> "IslandWorkspace":
        """The same, with nothing kept."""
        return replace(self, cache=cache)


def bundle_folder(result: BundleResult) -> Path:
    assert isinstance(result, BuiltBundle), result
    return result.folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def wasm_pack_output(tree: Path, folder: str, out: Path, target: Path | None = None, *words: str) -> dict[str, bytes]:
    """What wasm-pack itself makes of the crate in `<tree>/<folder>`, into a new folder.

    target: where it compiles (None: in the tree, where it takes up what others have compiled). words: more for it.
    """
    command: list[str | Path] = [*_REAL, out, *words, tree / folder]
    env = {**os.environ, "CARGO_TARGET_DIR": str(target or tree / "target")}
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return files(out)


def compiled_target(target: Path) -> Path:
    """A new target folder that has what all islands need of the registry, and nothing else."""
    shutil.copytree(_seed() / "target", target)
    return target


def site(folder: Path, *names: str) -> IslandWorkspace:
    """The islands `names` (all, if none is named) below `folder`, locked, the registry's crates compiled."""
    tree = workspace(folder / "hero_archipelagos", names or NAMES)
    return prepare_workspace(tree, folder / "cache")


def prepare_workspace(tree: Path, cache: Path) -> IslandWorkspace:
    """A workspace without a lock file, which gets one, and the registry's crates as they are compiled below cache/."""
    shutil.copy(_seed() / "Cargo.lock", tree)
    compiled_target(tree / "target")
    cargo(tree, "update", "--workspace", "--offline", "--quiet")
    return IslandWorkspace(tree, cache)


def cargo(tree: Path, *words: str) -> None:
    done = subprocess.run(["cargo", *words], cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _seed() -> Path:
    """A folder with a Cargo.lock for all thirty and a `target` that has what they need of the registry.

    It is made once for each state of the manifests and the compiler, by the first test that needs it.
    """
    rustc = subprocess.run(["rustc", "-vV"], capture_output=True, check=True).stdout
    manifests = [path.read_bytes() for path in sorted((WORLD / "hero_archipelagos").rglob("Cargo.toml"))]
    key = hashlib.sha256(b"\0".join((rustc, *manifests))).hexdigest()[:16]
    place = wasm_toolchain.PREFIX.parent / "wasm-world"
    place.mkdir(parents=True, exist_ok=True)
    with (place / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / key).is_dir():
            _build_seed(place, key)
    return place / key


def _build_seed(place: Path, key: str) -> None:
    with tempfile.TemporaryDirectory(dir=place) as folder:
        tree = workspace(Path(folder) / "tree")
        cargo(tree, "generate-lockfile", "--quiet")
        cargo(tree, "build", "--lib", "--release", "--locked", f"--target={TARGET}", "--package=inspector")
        made = Path(folder) / key
        made.mkdir()
        os.replace(tree / "Cargo.lock", made / "Cargo.lock")
        os.replace(tree / "target", made / "target")
        for older in place.iterdir():
            if older.is_dir() and older != Path(folder):
                shutil.rmtree(older, ignore_errors=True)
        os.replace(made, place / key)
