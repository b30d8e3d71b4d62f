"""What was built, as the parcels of a release: programs, packed bundles, the service manifest, the build records."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from hero_build.catalog import service_toml
from hero_build.catalog.loader import LoadedRecipe, recipe_errors
from hero_build.errors import machine_errors
from hero_build.forge.build_record import SUFFIX, BuildRecord, encode
from hero_build.model.artifacts import Artifact, Binary, Library, Platform, WasmBundle
from hero_build.model.installed import Fingerprint
from hero_build.model.steps import Tree, Verified
from hero_build.platforms import parse
from hero_build.publish import build_record
from hero_build.publish.archive import pack
from hero_build.publish.assets import with_legacy_names, write_file
from hero_build.publish.matrix import CiJob
from hero_build.publish.types import ReleaseFile


class BuildOutput(Struct, frozen=True):
    """What one job built, and from what; no fingerprint: it was built elsewhere, and taken."""

    job: CiJob
    tree: Tree
    made: tuple[Verified, ...]
    fingerprint: Fingerprint | None = None


class AssembleOptions(Struct, frozen=True):
    """For which release the parcels are, and the folder for what is made on the way; `forge` is its address."""

    found: LoadedRecipe
    tag: str
    forge: str
    folder: Path
    legacy_names: bool = False


def assemble(output: BuildOutput, options: AssembleOptions) -> tuple[ReleaseFile, ...]:
    """The files of a job, its records last. Raises RecipeError, InvalidBundle, MachineError, InvalidServiceManifest."""
    verified = [item for item in output.made if not isinstance(item.artifact, Library)]
    made = [(item.artifact, _release_file(item, output.job, options)) for item in verified]
    files = tuple(file for _, file in made)
    if options.legacy_names and output.job.platform:
        binaries = [artifact for artifact, _ in made if isinstance(artifact, Binary)]
        files = with_legacy_names(
            files, binaries, lambda name: _asset_name(Binary(name, "cli"), name=name, job=output.job, options=options)
        )
    record = _record(output, options, files)
    head = f"{options.found.app}-{output.job.what}"
    return (
        *files,
        *(_manifest(output.tree, options) if output.job.platform else ()),
        _record_file(f"{head}{SUFFIX}", encode(record), options),
        _record_file(f"{head}{build_record.FRAGMENT}", build_record.fragment(record, options.forge, made), options),
    )


def _release_file(verified: Verified, job: CiJob, options: AssembleOptions) -> ReleaseFile:
    artifact = verified.artifact
    name = _asset_name(artifact, name=artifact.name, job=job, options=options)
    if isinstance(artifact, WasmBundle) and verified.fetched.form == "tree":
        path = options.folder / name
        digest, size = pack(verified.fetched.path, path)
        return ReleaseFile(name, path=path, sha256=digest, size=size)
    fetched = verified.fetched
    return ReleaseFile(name, path=fetched.path, sha256=fetched.sha256, size=fetched.size)


def _asset_name(artifact: Artifact, name: str, job: CiJob, options: AssembleOptions) -> str:
    platform = parse(job.platform) if job.platform else Platform("amd64", "musl")  # which a bundle's name does not hold
    with recipe_errors(options.found.path):
        return options.found.recipe.asset_name(artifact, name, platform)


def _manifest(tree: Tree, options: AssembleOptions) -> Iterator[ReleaseFile]:
    """One file for all that the repo's service manifests declare; the repo's own, where that is one."""
    found = service_toml.files(tree.path)
    if len(found) == 1:
        with machine_errors(tree.path):
            yield write_file(service_toml.NAME, found[0].read_bytes(), options.folder)
    elif found:
        yield write_file(
            service_toml.NAME,
            service_toml.render(service_toml.merge(service_toml.manifests(tree.path))),
            options.folder,
        )


def _record(output: BuildOutput, options: AssembleOptions, files: tuple[ReleaseFile, ...]) -> BuildRecord:
    tree, rests_on = output.tree, output.fingerprint
    return BuildRecord(
        options.found.app,
        repo=options.found.recipe.repo,
        tag=options.tag,
        what=output.job.what,
        commit=tree.commit,
        dirty=tree.dirty,
        toolchain=dict(rests_on.parts).get("toolchain", "") if rests_on else "",
        lock=_digest(tree.path / "Cargo.lock") if rests_on else None,
        fingerprint=_fingerprint_digest(rests_on) if rests_on else "",
        runner=build_record.runner(os.environ, f"{os.uname().sysname} {os.uname().release} {os.uname().machine}"),
        made=build_record.built_files(files),
        tool=build_record.TOOL,
    )


def _fingerprint_digest(fingerprint: Fingerprint) -> str:
    return hashlib.sha256(json.dumps(fingerprint.parts).encode()).hexdigest()


def _digest(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _record_file(name: str, content: bytes, options: AssembleOptions) -> ReleaseFile:
    made = write_file(name, content, options.folder)
    return ReleaseFile(made.name, path=made.path, sha256=made.sha256, size=made.size, record=True)
