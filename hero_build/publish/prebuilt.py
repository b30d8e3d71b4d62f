"""Artifacts that are built already: taken from a folder by their names, and verified as a build's are."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hero_build.catalog import recipe_facts, service_toml
from hero_build.catalog.loader import LoadedRecipe
from hero_build.errors import AssetNotFound, InvalidBinary, machine_errors
from hero_build.forge.download_dir import DownloadDir
from hero_build.model.artifacts import Artifact, Binary, WasmBundle
from hero_build.model.steps import Fetched, Tree, Verified
from hero_build.platforms import machine_arch, parse
from hero_build.publish.matrix import CiJob
from hero_build.verify.check import verify
from hero_build.verify.expect import expect_for


def load_prebuilt(
    job: CiJob, loaded: LoadedRecipe, tree: Tree, folder: Path, downloads: DownloadDir
) -> tuple[Verified, ...]:
    """What a job would build, from `folder`: each under its asset's name or its own; nothing there is changed.

    Raises AssetNotFound for what is not there, InvalidBinary, InvalidBundle, InvalidServiceManifest, RecipeError.
    """
    with machine_errors(folder):
        names = sorted(path.name for path in folder.iterdir())
    platform = parse(job.platform) if job.platform else loaded.recipe.platform(machine_arch())
    wanted = recipe_facts.asset_names(
        loaded, _artifacts(job, loaded=loaded, tree=tree, folder=folder, names=names), platform
    )
    paths = [(item, _path(item, assets[0], folder)) for item, assets in wanted.items()]
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="take") as pool:  # hashing lets go of the lock
        return tuple(pool.map(lambda each: _verified(each[0], path=each[1], job=job, downloads=downloads), paths))


def _artifacts(job: CiJob, loaded: LoadedRecipe, tree: Tree, folder: Path, names: Sequence[str]) -> Sequence[Artifact]:
    """The set is the one that a build would have; of islands that no one names, it is all that the folder has."""
    if job.platform:
        return loaded.recipe.binaries or service_toml.binaries_of_tree(loaded.app, tree.path)
    if not loaded.recipe.islands:
        return loaded.recipe.bundles
    told = job.islands or (*recipe_facts.bundles_from_names(loaded, names), *_folders(folder))
    if not told:
        raise AssetNotFound(f"{folder} has no islands", "They are folders, or archives like NAME-wasm.tar.gz.")
    return [WasmBundle(name, "island") for name in dict.fromkeys(told)]


def _folders(folder: Path) -> Iterator[str]:
    yield from sorted(path.name for path in folder.iterdir() if any(path.glob("*.wasm")))


def _path(artifact: Artifact, asset: str, folder: Path) -> Path:
    for name in (asset, artifact.name):
        path = folder / name
        if path.is_dir() if isinstance(artifact, WasmBundle) and name != asset else path.is_file():
            return path.resolve()
    hint = "Build it there, name another folder with --from, or leave that out: hero-build builds it."
    raise AssetNotFound(f"{folder} has neither {asset} nor {artifact.name}", hint)


def _verified(artifact: Artifact, path: Path, job: CiJob, downloads: DownloadDir) -> Verified:
    platform = parse(job.platform) if job.platform else parse(f"linux-{machine_arch()}-musl")  # no bundle has any
    try:
        return verify(_fetched(artifact, path, downloads), expect_for(artifact, None, platform))
    except InvalidBinary as error:  # whose hint speaks of releases
        hint = f"{path} is what was taken: build it for {job.platform}."
        raise InvalidBinary(error.message, hint) from error


def _fetched(artifact: Artifact, path: Path, downloads: DownloadDir) -> Fetched:
    if path.is_dir():
        return Fetched(artifact, path=path, form="tree", sha256="", size=0)
    if not isinstance(artifact, Binary):  # it is unpacked beside the archive: not in a folder that is someone's
        path = Path(shutil.copyfile(path, downloads.scratch() / path.name))
    with machine_errors(path), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Fetched(
            artifact,
            path=path,
            form="file" if isinstance(artifact, Binary) else "archive",
            sha256=digest,
            size=file.tell(),
        )
