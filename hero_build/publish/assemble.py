"""The files of a release, from a job's build output: programs, packed bundles, service manifest, build records."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog import service_toml
from hero_build.catalog.checkout_set import binaries_of_checkout
from hero_build.catalog.loader import LoadedRecipe, recipe_errors
from hero_build.forge.build_record import SUFFIX, BuildRecord, encode
from hero_build.model.artifacts import Artifact, Binary, Library, Platform, WasmBundle
from hero_build.model.installed import Fingerprint
from hero_build.model.steps import Tree, Verified
from hero_build.os_errors import machine_errors
from hero_build.platforms import parse
from hero_build.publish import build_record
from hero_build.publish.archive import pack
from hero_build.publish.assets import with_legacy_names, write_file
from hero_build.publish.matrix import CiJob
from hero_build.publish.types import ReleaseFile


class BuildOutput(Struct, frozen=True):
    """The artifacts of one job and the checkout they were built from; without a fingerprint, built elsewhere.

    `folders`: where cargo was called.
    """

    job: CiJob
    tree: Tree
    artifacts: tuple[Verified, ...]
    fingerprint: Fingerprint | None = None
    folders: tuple[Path, ...] = ()


class AssembleOptions(Struct, frozen=True):
    """The release (recipe, tag, address of the forge), and the `folder` for generated files."""

    loaded: LoadedRecipe
    tag: str
    forge: str
    folder: Path
    legacy_names: bool = False


def assemble(output: BuildOutput, options: AssembleOptions) -> tuple[ReleaseFile, ...]:
    """The files of a job, its records last. Raises RecipeError, InvalidBundle, MachineError, InvalidServiceManifest."""
    published = [item for item in output.artifacts if not isinstance(item.artifact, Library)]
    pairs = [(item.artifact, _release_file(item, output.job, options)) for item in published]
    files = tuple(file for _, file in pairs)
    if options.legacy_names and output.job.platform:
        files = _with_legacy_names(files, [artifact for artifact, _ in pairs], output.job, options=options)
    record = _record(output, options, files)
    head = f"{options.loaded.app}-{output.job.what}"
    return (
        *files,
        *(_service_manifest(output.tree, options) if output.job.platform else ()),
        _record_file(f"{head}{SUFFIX}", encode(record), options),
        _record_file(f"{head}{build_record.FRAGMENT}", build_record.fragment(record, options.forge, pairs), options),
    )


def _with_legacy_names(
    files: tuple[ReleaseFile, ...], artifacts: Sequence[Artifact], job: CiJob, options: AssembleOptions
) -> tuple[ReleaseFile, ...]:
    binaries = [artifact for artifact in artifacts if isinstance(artifact, Binary)]

    def asset_name(name: str) -> str:
        return _asset_name(Binary(name, "cli"), name=name, job=job, options=options)

    return with_legacy_names(files, binaries, asset_name)


def _release_file(verified: Verified, job: CiJob, options: AssembleOptions) -> ReleaseFile:
    artifact, fetched = verified.artifact, verified.fetched
    name = _asset_name(artifact, name=artifact.name, job=job, options=options)
    if isinstance(artifact, WasmBundle) and fetched.form == "tree":
        path = options.folder / name
        digest, size = pack(fetched.path, path)
        return ReleaseFile(name, path=path, sha256=digest, size=size)
    return ReleaseFile(name, path=fetched.path, sha256=fetched.sha256, size=fetched.size)


def _asset_name(artifact: Artifact, name: str, job: CiJob, options: AssembleOptions) -> str:
    platform = parse(job.platform) if job.platform else Platform("amd64", "musl")  # the name of a bundle has none
    with recipe_errors(options.loaded.path):
        return options.loaded.recipe.asset_name(artifact, name, platform)


def _service_manifest(tree: Tree, options: AssembleOptions) -> Iterator[ReleaseFile]:
    """The repo's service manifest; several are merged into one file."""
    paths = service_toml.files(tree.path)
    if len(paths) == 1:
        with machine_errors(tree.path):
            yield write_file(service_toml.NAME, paths[0].read_bytes(), options.folder)
    elif paths:
        merged = service_toml.merge(service_toml.manifests(tree.path))
        yield write_file(service_toml.NAME, service_toml.render(merged), options.folder)
    elif not options.loaded.recipe.binaries:  # a download reads the set from the release
        binaries, _ = binaries_of_checkout(options.loaded, tree.path)
        yield write_file(service_toml.NAME, service_toml.render(binaries), options.folder)


def _record(output: BuildOutput, options: AssembleOptions, files: tuple[ReleaseFile, ...]) -> BuildRecord:
    tree, fingerprint = output.tree, output.fingerprint
    return BuildRecord(
        options.loaded.app,
        repo=options.loaded.recipe.repo,
        tag=options.tag,
        what=output.job.what,
        commit=tree.commit,
        dirty=tree.dirty,
        toolchain=dict(fingerprint.parts).get("toolchain", "") if fingerprint else "",
        lock=_digest(folder / "Cargo.lock" for folder in output.folders),
        fingerprint=_fingerprint_digest(fingerprint) if fingerprint else "",
        runner=build_record.runner(os.environ, f"{os.uname().sysname} {os.uname().release} {os.uname().machine}"),
        made=build_record.built_files(files),
        tool=build_record.TOOL,
    )


def _fingerprint_digest(fingerprint: Fingerprint) -> str:
    return hashlib.sha256(json.dumps(fingerprint.parts).encode()).hexdigest()


def _digest(paths: Iterable[Path]) -> str | None:
    """Of the files that exist, one after the other; None: none does."""
    contents = [path.read_bytes() for path in paths if path.is_file()]
    return hashlib.sha256(b"".join(contents)).hexdigest() if contents else None


def _record_file(name: str, content: bytes, options: AssembleOptions) -> ReleaseFile:
    return replace(write_file(name, content, options.folder), record=True)
