"""Artifacts built elsewhere: found in a folder by their names, and verified like those of a build."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from hero_build.catalog import recipe_facts
from hero_build.catalog.checkout_set import binaries_of_checkout
from hero_build.catalog.loader import LoadedRecipe
from hero_build.errors import AssetNotFound, InvalidBinary
from hero_build.forge.download_dir import DownloadDir
from hero_build.model.artifacts import Artifact, Binary, WasmBundle
from hero_build.model.steps import Fetched, Tree, Verified
from hero_build.os_errors import machine_errors
from hero_build.platforms import machine_arch, parse
from hero_build.publish.matrix import CiJob
from hero_build.system.regular_file import open_regular
from hero_build.system.thread_pool import ThreadPool
from hero_build.verify.bundle_files import is_apple_double
from hero_build.verify.check import verify
from hero_build.verify.expect import expect_for


def load_prebuilt(
    job: CiJob, loaded: LoadedRecipe, tree: Tree, folder: Path, downloads: DownloadDir
) -> tuple[Verified, ...]:
    """The artifacts of a job from `folder`, each under the name of its asset or its own. Changes nothing in `folder`.

    Raises AssetNotFound for a missing artifact, InvalidBinary, InvalidBundle, InvalidServiceManifest, RecipeError.
    """
    with machine_errors(folder):
        names = sorted(path.name for path in folder.iterdir() if not is_apple_double(path.name))
    platform = parse(job.platform) if job.platform else loaded.recipe.platform(machine_arch())
    asset_names = recipe_facts.asset_names(
        loaded, _artifacts(job, loaded=loaded, tree=tree, folder=folder, names=names), platform
    )
    paths = [(item, _path(item, assets[0], folder)) for item, assets in asset_names.items()]
    with ThreadPool(os.cpu_count() or 1, thread_name_prefix="verify") as pool:  # hashing releases the GIL
        return tuple(pool.map(lambda each: _verified(each[0], path=each[1], job=job, downloads=downloads), paths))


def _artifacts(job: CiJob, loaded: LoadedRecipe, tree: Tree, folder: Path, names: Sequence[str]) -> Sequence[Artifact]:
    """The artifacts that a build would make; of islands that nothing names, those in the folder."""
    if job.platform:
        return loaded.recipe.binaries or binaries_of_checkout(loaded, tree.path)[0]
    if not loaded.recipe.islands:
        return loaded.recipe.bundles
    islands = job.islands or (*recipe_facts.bundles_from_names(loaded, names), *_folders(folder))
    if not islands:
        raise AssetNotFound(f"{folder} has no islands", "They are folders, or archives like NAME-wasm.tar.gz.")
    return [WasmBundle(name, "island") for name in dict.fromkeys(islands)]


def _folders(folder: Path) -> Iterator[str]:
    yield from sorted(path.name for path in folder.iterdir() if any(path.glob("*.wasm")))


def _path(artifact: Artifact, asset: str, folder: Path) -> Path:
    for name in (asset, artifact.name):
        path = folder / name
        if path.is_dir() if isinstance(artifact, WasmBundle) and name != asset else path.is_file():
            return path.resolve()
    hint = "Build it there, or name another folder with --from; without --from, hero-build builds it."
    raise AssetNotFound(f"{folder} has neither {asset} nor {artifact.name}", hint)


def _verified(artifact: Artifact, path: Path, job: CiJob, downloads: DownloadDir) -> Verified:
    platform = parse(job.platform) if job.platform else parse(f"linux-{machine_arch()}-musl")  # a bundle has none
    try:
        expect = expect_for(artifact, None, platform)
        own_libc = platform.libc == ("gnu" if expect.glibc else "musl")
        return verify(_fetched(artifact, path, downloads), replace(expect, here=expect.here and own_libc))
    except InvalidBinary as error:  # its hint is about releases
        hint = f"The file is {path}: build it for {job.platform}."
        raise InvalidBinary(error.message, hint) from error


def _fetched(artifact: Artifact, path: Path, downloads: DownloadDir) -> Fetched:
    if path.is_dir():
        return Fetched(artifact, path=path, form="tree", sha256="", size=0)
    if not isinstance(artifact, Binary):  # it is unpacked beside the archive, not in the user's folder
        path = Path(shutil.copyfile(path, downloads.scratch() / path.name))
    with machine_errors(path), open_regular(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Fetched(
            artifact,
            path=path,
            form="file" if isinstance(artifact, Binary) else "archive",
            sha256=digest,
            size=file.tell(),
        )
