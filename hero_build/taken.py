"""Artifacts that are built already: taken from a folder by their names, and verified as a build's are."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hero_build import ask, services
from hero_build.artifact import Artifact, Binary, WasmBundle
from hero_build.catalog import Found
from hero_build.errors import AssetNotFound, NotTheProgram, machine_errors
from hero_build.forge.inbox import Inbox
from hero_build.model import Fetched, Tree, Verified
from hero_build.platforms import parse
from hero_build.publish.matrix import Job
from hero_build.tools import machine_arch
from hero_build.verify.check import verify
from hero_build.verify.expect import expect_for


def take(job: Job, found: Found, tree: Tree, folder: Path, inbox: Inbox) -> tuple[Verified, ...]:
    """What a job would build, from `folder`: each under its asset's name or its own; nothing there is changed.

    Raises AssetNotFound for what is not there, NotTheProgram, NotTheBundle, ServicesUnreadable, RecipeError.
    """
    with machine_errors(folder):
        names = sorted(path.name for path in folder.iterdir())
    platform = parse(job.platform) if job.platform else found.recipe.platform(machine_arch())
    wanted = ask.wanted(found, _artifacts(job, found, tree, folder, names), platform)
    paths = [(item, _path(item, assets[0], folder)) for item, assets in wanted.items()]
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="take") as pool:  # hashing lets go of the lock
        return tuple(pool.map(lambda each: _verified(each[0], each[1], job, inbox), paths))


def _artifacts(job: Job, found: Found, tree: Tree, folder: Path, names: Sequence[str]) -> Sequence[Artifact]:
    """The set is the one that a build would have; of islands that no one names, it is all that the folder has."""
    if job.platform:
        return found.recipe.binaries or services.told_by_tree(found.app, tree.path)
    if not found.recipe.islands:
        return found.recipe.bundles
    told = job.islands or (*ask.bundles_told_by_names(found, names), *_folders(folder))
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


def _verified(artifact: Artifact, path: Path, job: Job, inbox: Inbox) -> Verified:
    platform = parse(job.platform) if job.platform else parse(f"linux-{machine_arch()}-musl")  # no bundle has any
    try:
        return verify(_fetched(artifact, path, inbox), expect_for(artifact, None, platform))
    except NotTheProgram as error:  # whose hint speaks of releases
        hint = f"{path} is what was taken: build it for {job.platform}."
        raise NotTheProgram(error.message, hint) from error


def _fetched(artifact: Artifact, path: Path, inbox: Inbox) -> Fetched:
    if path.is_dir():
        return Fetched(artifact, path, "tree", "", 0)
    if not isinstance(artifact, Binary):  # it is unpacked beside the archive: not in a folder that is someone's
        path = Path(shutil.copyfile(path, inbox.scratch() / path.name))
    with machine_errors(path), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Fetched(artifact, path, "file" if isinstance(artifact, Binary) else "archive", digest, file.tell())
