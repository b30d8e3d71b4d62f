"""Roots with bundles for tests: islands and a shell that went the real way in, one state of all of them a version.

As a program, for tests that kill it: `python bundles.py ROOT VERSION` installs that version as one command does.
"""

import hashlib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import support.wasm_modules as made
from hero_build.forge.download_dir import DownloadDir
from hero_build.install.commit import commit
from hero_build.install.layout import Root
from hero_build.install.root_lock import locked
from hero_build.install.store import make_durable, stage
from hero_build.model.artifacts import WasmBundle
from hero_build.model.installed import Generation, Origin, PartId, Used
from hero_build.model.steps import Asset, Change, Drop, Fetched, Part, SelectedAsset, VerifiedPart
from hero_build.verify.check import verify
from hero_build.verify.expect import expect_for
from support import roots

SHELL = WasmBundle("hero_os_app", "shell")
APP, SHELL_APP = "hero_archipelagos", "hero_os"
STATES = {"v1": "notes", "v2": "radio"}
"""Which island each version has, beside the shell."""


def fetched(folder: Path, bundle: WasmBundle, version: str, *, lean: bool = False) -> Fetched:
    """As it arrives: an archive, whose asset is called as releases call it."""
    path = made.tgz(folder / f"{bundle.name}-{version}", made.island(bundle.name, version, lean=lean))
    raw = path.read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    selected = SelectedAsset(
        Asset(f"{bundle.name}-wasm.tar.gz", url="file:///nowhere", size=len(raw), id=digest), digest
    )
    return Fetched(bundle, path=path, form="archive", sha256=digest, size=len(raw), selected=selected)


def built(folder: Path, bundle: WasmBundle, version: str) -> Fetched:
    """As a build leaves it: a folder made for this alone."""
    path = made.write(folder / f"{bundle.name}-{version}", made.island(bundle.name, version))
    return Fetched(bundle, path=path, form="tree", sha256="", size=0)


def ready(item: Fetched, version: str) -> VerifiedPart:
    """A part of one bundle, verified and settled."""
    bundle = item.artifact
    assert isinstance(bundle, WasmBundle)
    app = SHELL_APP if bundle.kind == "shell" else APP
    used: Used = "source" if item.form == "tree" else "download"
    passed = verify(item, expect_for(bundle, item.selected, roots.platform()))
    make_durable(passed)
    origin = Origin(
        version, requested="auto", used=used, why="a test", forge="file:///nowhere", repo=f"o/{app}", tag=version
    )
    return VerifiedPart(Part(PartId(app, bundle.name), (bundle,)), origin, (passed,))


def install(
    root: Root, version: str, names: Iterable[str], *, shell: bool = False, form: str = "archive", drop: bool = False
) -> tuple[Generation, Generation]:
    """These islands in one command, with the shell if asked for; `drop`: those not named go."""
    bundles = [*map(WasmBundle, names), *([SHELL] if shell else [])]
    make = built if form == "tree" else fetched
    with DownloadDir(root.partial):
        folder = next(root.partial.glob("run-*"))
        return put(root, version, [ready(make(folder, bundle, version), version) for bundle in bundles], drop=drop)


def put(root: Root, version: str, items: Sequence[VerifiedPart], *, drop: bool) -> tuple[Generation, Generation]:
    with locked(root) as held:
        changes: list[Change] = [stage(held, item) for item in items]
        kept = {item.part.id for item in items}
        gone = [part for part in held.generation.records if part.app == APP and part not in kept]
        changes += [Drop(part) for part in gone if drop]
        return commit(held, changes, f"islands {version}")


def state(root: Root, version: str) -> None:
    """One island and the shell, of as few files as a bundle can have."""
    with DownloadDir(root.partial):
        folder = next(root.partial.glob("run-*"))
        found = [fetched(folder, bundle, version, lean=True) for bundle in (WasmBundle(STATES[version]), SHELL)]
        put(root, version, [ready(item, version) for item in found], drop=True)


if __name__ == "__main__":
    state(Root(Path(sys.argv[1])), sys.argv[2])
