"""What was built, as the parcels of a release: programs, packed bundles, the service manifest, the build records."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hero_build import services
from hero_build.artifact import Artifact, Binary, Library, Platform, WasmBundle
from hero_build.catalog import Found, asking
from hero_build.errors import machine_errors
from hero_build.model import Tree, Verified
from hero_build.platforms import parse
from hero_build.publish import provenance
from hero_build.publish.matrix import Job
from hero_build.publish.pack import pack
from hero_build.publish.parcels import with_legacy_names, written
from hero_build.publish.publication import Parcel
from hero_build.record import Fingerprint


@dataclass(frozen=True, slots=True)
class Wares:
    """What one job built, and from what; no fingerprint: it was built elsewhere, and taken."""

    job: Job
    tree: Tree
    made: tuple[Verified, ...]
    fingerprint: Fingerprint | None = None


@dataclass(frozen=True, slots=True)
class Packing:
    """For which release the parcels are, and the folder for what is made on the way; `forge` is its address."""

    found: Found
    tag: str
    forge: str
    folder: Path
    legacy_names: bool = False


def parcels(wares: Wares, packing: Packing) -> tuple[Parcel, ...]:
    """The files of a job, its records last. Raises RecipeError, NotTheBundle, MachineError, ServicesUnreadable."""
    verified = [item for item in wares.made if not isinstance(item.artifact, Library)]
    made = [(item.artifact, _parcel(item, wares.job, packing)) for item in verified]
    files = tuple(parcel for _, parcel in made)
    if packing.legacy_names and wares.job.platform:
        binaries = [artifact for artifact, _ in made if isinstance(artifact, Binary)]
        files = with_legacy_names(files, binaries, lambda name: _asset(Binary(name, "cli"), name, wares.job, packing))
    record = _record(wares, packing, files)
    head = f"{packing.found.app}-{wares.job.what}"
    return (
        *files,
        *(_manifest(wares.tree, packing) if wares.job.platform else ()),
        _told(f"{head}{provenance.BUILD}", provenance.encode(record), packing),
        _told(f"{head}{provenance.FRAGMENT}", provenance.fragment(record, packing.forge, made), packing),
    )


def _parcel(verified: Verified, job: Job, packing: Packing) -> Parcel:
    artifact = verified.artifact
    name = _asset(artifact, artifact.name, job, packing)
    if isinstance(artifact, WasmBundle) and verified.fetched.form == "tree":
        path = packing.folder / name
        digest, size = pack(verified.fetched.path, path)
        return Parcel(name, path, digest, size)
    fetched = verified.fetched
    return Parcel(name, fetched.path, fetched.sha256, fetched.size)


def _asset(artifact: Artifact, name: str, job: Job, packing: Packing) -> str:
    platform = parse(job.platform) if job.platform else Platform("amd64", "musl")  # which a bundle's name does not hold
    with asking(packing.found.path):
        return packing.found.recipe.asset_name(artifact, name, platform)


def _manifest(tree: Tree, packing: Packing) -> Iterator[Parcel]:
    """One file for all that the repo's service manifests declare; the repo's own, where that is one."""
    found = services.files(tree.path)
    if len(found) == 1:
        with machine_errors(tree.path):
            yield written(services.NAME, found[0].read_bytes(), packing.folder)
    elif found:
        yield written(services.NAME, services.render(services.merge(services.manifests(tree.path))), packing.folder)


def _record(wares: Wares, packing: Packing, files: tuple[Parcel, ...]) -> provenance.BuildRecord:
    tree, rests_on = wares.tree, wares.fingerprint
    return provenance.BuildRecord(
        packing.found.app,
        packing.found.recipe.repo,
        packing.tag,
        wares.job.what,
        tree.commit,
        tree.dirty,
        dict(rests_on.parts).get("toolchain", "") if rests_on else "",
        _digest(tree.path / "Cargo.lock") if rests_on else None,
        _sum(rests_on) if rests_on else "",
        provenance.runner(os.environ, f"{os.uname().sysname} {os.uname().release} {os.uname().machine}"),
        provenance.made(files),
    )


def _sum(fingerprint: Fingerprint) -> str:
    return hashlib.sha256(json.dumps(fingerprint.parts).encode()).hexdigest()


def _digest(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _told(name: str, content: bytes, packing: Packing) -> Parcel:
    made = written(name, content, packing.folder)
    return Parcel(made.name, made.path, made.sha256, made.size, record=True)
