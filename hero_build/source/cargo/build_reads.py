"""What a cargo build read, from what cargo itself keeps: dep-info files, the output of build scripts, its messages.

The Cargo Book: "Build cache" (dep-info files), "Build scripts" (rerun-if-changed, rerun-if-env-changed), "External
tools" (messages). cargo reports every crate of a build, compiled now or before, so one fresh build says it all.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from msgspec import Struct

from hero_build.source.cargo import toolchain
from hero_build.source.cargo.messages import CargoMessage

_LOCAL = re.compile(r"path\+file://([^#?)]+)")
_ENV_LINE = re.compile(r"^# env-dep:([^=\n]+)", re.MULTILINE)
_SCRIPT_LINE = re.compile(r"^cargo::?(rerun-if-changed|rerun-if-env-changed)=(.*)$", re.MULTILINE)
_DEP_INFO_PATH = re.compile(r"(?:[^\\ ]|\\.)+")
_IMMUTABLE = ("registry", "git")
"""Folders of cargo's home whose sources belong to a locked version or commit."""


class UnknownReads(Exception):
    """What a build read cannot be shown completely; its text says why."""


class BuildReads(Struct, frozen=True):
    """Absolute paths of files and folders, existing or not, and names of environment variables.

    silent: local packages whose build scripts do not say what they read, each with cargo's identifier and its folder.
    """

    paths: frozenset[Path]
    variables: frozenset[str]
    silent: frozenset[tuple[str, Path]] = frozenset()


class BuildDirectories(Struct, frozen=True):
    """Where cargo puts final files, and where it keeps all others (`build.build-dir`; usually the same folder)."""

    target: Path
    build: Path


def build_reads(
    messages: Sequence[CargoMessage], env: Mapping[str, str], directories: Sequence[BuildDirectories] = ()
) -> BuildReads:
    """What the build behind these messages read; `env`: the environment of that cargo.

    `directories`: of each workspace where they may be two. Raises UnknownReads, OSError.
    """
    local = [message for message in messages if _package_folder(message) is not None]
    artifacts = [message for message in local if message.filenames]
    finals = [path for item in artifacts for path in _finals(item)]
    if not finals:
        raise UnknownReads("cargo reported no program")
    listed: dict[Path, list[str]] = {}
    dep_infos = [file for item in artifacts for file in _dep_infos(item, directories, listed)]
    scripts = [_script(message) for message in messages if message.reason == "build-script-executed"]
    paths = {path for final in finals for path in _final_paths(final)}
    paths |= {
        os.path.join(folder, name) for folder in _folders_above(artifacts) for name in ("Cargo.toml", "Cargo.lock")
    }
    paths |= {str(path) for script in scripts for path in script.paths}
    immutable = tuple(f"{toolchain.cargo_home(env) / name}/" for name in _IMMUTABLE)
    outputs = tuple(f"{Path(message.out_dir)}/" for message in messages if message.out_dir)
    variables = {name for file in dep_infos for name in _ENV_LINE.findall(file.read_text(errors="replace"))}
    return BuildReads(
        frozenset(Path(path) for path in paths if not (f"{path}/".startswith(immutable) or path.startswith(outputs))),
        frozenset(variables.union(*(script.variables for script in scripts))),
        frozenset(package for script in scripts for package in script.silent),
    )


def _package_folder(message: CargoMessage) -> Path | None:
    """The folder of a package that is neither of a registry nor of a git repository."""
    match = _LOCAL.search(message.package_id)
    return Path(unquote(match[1])) if match else None


def _finals(artifact: CargoMessage) -> Iterator[Path]:
    """The files that cargo put where people find them: other files of crates are in `deps`, scripts in `build`."""
    if "custom-build" not in artifact.target.kind:
        paths = (Path(name) for name in artifact.filenames)
        yield from (path for path in paths if path.parent.name != "deps" and path.suffix != ".rmeta")


def _final_paths(final: Path) -> Iterator[str]:
    """The files that cargo lists beside a final file: those of its crate and of all local crates below it."""
    try:
        text = final.with_suffix(".d").read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        raise UnknownReads(f"{final} has no dep-info file") from None
    for line in text.splitlines():
        for word in _DEP_INFO_PATH.findall(line.partition(": ")[2]):
            path = word.replace("\\ ", " ")
            if not os.path.isabs(path):  # build.dep-info-basedir
                raise UnknownReads(f"{final.with_suffix('.d')} has relative paths")
            yield path


def _dep_infos(
    artifact: CargoMessage, directories: Sequence[BuildDirectories], listed: dict[Path, list[str]]
) -> list[Path]:
    """rustc's own dep-info files of a crate. An older one beside the newest only adds to what counts.

    `listed` has the folders that were looked into: one that all checkouts share may have thousands of files.
    """
    crate = artifact.target.name.replace("-", "_")
    finals = set(_finals(artifact))
    folders = {path.parent for path in map(Path, artifact.filenames) if path not in finals}
    folders |= {folder for path in finals for folder in _crate_folders(path, directories)}
    for folder in folders - listed.keys():
        listed[folder] = [name for name in _names(folder) if name.endswith(".d")]
    files = [
        folder / name
        for folder in folders
        for name in listed[folder]
        if name == f"{crate}.d" or name.startswith(f"{crate}-")
    ]
    if not files:
        raise UnknownReads(f"the crate {artifact.target.name} has no dep-info file")
    return files


def _names(folder: Path) -> list[str]:
    """Of the files in a folder; none where it does not exist."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _crate_folders(file: Path, directories: Sequence[BuildDirectories]) -> Iterator[Path]:
    """Where rustc's files for a final file may be."""
    yield file.parent / "deps"
    targets = [item.target for item in directories if file.is_relative_to(item.target)]
    for target in targets:  # which may be shared by workspaces with build folders of their own
        yield from (item.build / file.parent.relative_to(target) / "deps" for item in directories)


def _folders_above(artifacts: Iterable[CargoMessage]) -> set[str]:
    """Where manifests of packages, and those of a workspace around them with its lock file, are or may come to be."""
    folders: set[str] = set()
    for path in (artifact.manifest_path for artifact in artifacts if artifact.manifest_path):
        while (path := os.path.dirname(path)) not in folders:
            folders.add(path)
    return folders


def _script(message: CargoMessage) -> BuildReads:
    """What a build script said that it reads."""
    output = Path(message.out_dir).parent / "output"
    try:
        text = output.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        raise UnknownReads(f"a build script has no output file {output}") from None
    found = _SCRIPT_LINE.findall(text)
    folder = _package_folder(message)
    paths = [Path(value.strip()) for key, value in found if key == "rerun-if-changed"]
    return BuildReads(
        frozenset(_absolute(paths, folder)),
        frozenset(value.strip() for key, value in found if key == "rerun-if-env-changed"),
        frozenset([(message.package_id, folder)] if folder is not None and not found else []),
    )


def _absolute(paths: Iterable[Path], folder: Path | None) -> Iterator[Path]:
    """Relative paths of packages that are not local lead to files of a locked version."""
    for path in paths:
        if folder is not None or path.is_absolute():
            yield folder / path if folder is not None else path
