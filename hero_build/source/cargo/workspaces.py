"""The cargo workspaces of a checkout: the one at its root, and those in folders that it does not contain.

A repository may exclude folders from its root workspace that are workspaces of their own, each with its Cargo.lock
(The Cargo Book, Workspaces, `exclude`). They are searched only for what the root does not have.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from hero_build.errors import BuildError
from hero_build.model.artifacts import Cargo
from hero_build.model.names import nearest
from hero_build.model.steps import CargoJob
from hero_build.os_errors import raise_for_machine
from hero_build.source.cargo.known_metadata import MetadataMemory, known_metadata
from hero_build.source.cargo.metadata import CargoPackage, Workspace, candidates, package_of, workspace
from hero_build.source.content_digest import content_digest
from hero_build.source.git.status import may_track, tracked_files
from hero_build.system.decoding import convert
from hero_build.system.file_cache import cached

_FORMAT_VERSION = "1"  # goes up when the rules for where workspaces are found change
_MANIFEST = "Cargo.toml"
_VENDORED = ".cargo-checksum.json"
"""`cargo vendor` writes it into each package that it copies."""


class WorkspaceTable(Struct, frozen=True):
    """The `[workspace]` table of a Cargo.toml: the folders that are not part of it."""

    exclude: tuple[Any, ...] = ()


class CargoManifest(Struct, frozen=True):
    """A Cargo.toml, of which only this is read."""

    workspace: WorkspaceTable | None = None


class Workspaces:
    """The workspaces of the checkout at `tree`, each read when it is first needed.

    `cancelled` is polled while cargo runs; `memory` has what cargo says, for this state of the checkout. All methods
    raise BuildError where cargo cannot read the first workspace, MissingTool, process.Cancelled.
    """

    def __init__(
        self,
        tree: Path,
        cargo: Cargo,
        env: Mapping[str, str],
        cancelled: Callable[[], bool] | None = None,
        *,
        memory: MetadataMemory | None = None,
    ) -> None:
        self.tree = tree
        self.unreadable: list[str] = []
        """Sentences about the nested workspaces that cargo cannot read."""
        self._cargo, self._env, self._cancelled, self._memory = cargo, env, cancelled, memory
        self._first: tuple[Workspace, ...] | None = None
        self._nested: tuple[Workspace, ...] | None = None

    def first(self) -> tuple[Workspace, ...]:
        """The workspace that the recipe names, else the one at the root; empty: only folders have one."""
        if self._first is None:
            folder = self.tree / self._cargo.workspace
            present = (folder / _MANIFEST).is_file() or not any(self._nested_manifests())
            self._first = (self._read(folder),) if present else ()
        return self._first

    def nested(self) -> tuple[Workspace, ...]:
        """The others, by depth and path."""
        if self._nested is None:
            self._nested = tuple(self._read_nested())
        return self._nested

    def all(self) -> tuple[Workspace, ...]:
        return (*self.first(), *self.nested())

    def owners(self, programs: Collection[str]) -> tuple[Workspace, ...]:
        """The first workspace, and the others that have one of `programs` (none named: all of them)."""
        first = self.first()
        rest = set(programs).difference(*(item.programs for item in first))
        if not programs:
            return self.all()
        return (*first, *(item for item in self.nested() if rest.intersection(item.programs))) if rest else first

    def choose(self, programs: Sequence[str]) -> dict[str, CargoPackage]:
        """The package of each program. Raises BuildError: no workspace has it, or several have it."""
        try:
            return {name: self._package(name) for name in programs}
        except BuildError:
            if self._memory is None:
                raise
        self._memory = self._first = self._nested = None  # a source that git ignores may be a program
        return {name: self._package(name) for name in programs}

    def _package(self, program: str) -> CargoPackage:
        among = self._cargo.packages
        for item in self.first():
            if packages := candidates(item, program, among):
                return package_of(item, program, packages)
        owners = [item for item in self.nested() if candidates(item, program, among)]
        if not owners:
            raise self._unknown_program(program)
        owner = self.only(owners, f"a program {program}")
        return package_of(owner, program, candidates(owner, program, among))

    def only(self, owners: Sequence[Workspace], what: str) -> Workspace:
        """The one workspace that has `what`. Raises BuildError, which names them, where there are several."""
        if len(owners) > 1:
            folders = [self._name(item) for item in owners]
            hint = f'Name one of them in the recipe: Cargo(workspace="{folders[0]}").'
            raise BuildError(f"{len(owners)} workspaces of {self.tree} have {what}: {' and '.join(folders)}", hint)
        return owners[0]

    def describe(self) -> str:
        """The programs of all workspaces; where there are several, with the folder of each."""
        present = self.all()
        if len(present) == 1:
            return ", ".join(present[0].programs) or "no programs at all"
        groups = [f"{', '.join(item.programs)} ({self._name(item)})" for item in present if item.programs]
        return "; ".join(groups) or "no programs at all"

    def _unknown_program(self, program: str) -> BuildError:
        present = self.all()
        close = nearest(program, {name for item in present for name in item.programs}, 1)
        suggestion = f" Nearest: {close[0]}." if close else ""
        unreadable = f" Not searched: {'; '.join(self.unreadable)}." if self.unreadable else ""
        if len(present) == 1:
            sentence, subject = f"the workspace {present[0].folder} has no program {program}", "It has"
        else:
            sentence, subject = f"no workspace of {self.tree} has a program {program}", "They have"
        return BuildError(sentence, f"{subject}: {self.describe()}.{suggestion}{unreadable}")

    def _read_nested(self) -> Iterator[Workspace]:
        covered = {folder for item in self.first() for folder in item.folders}
        for manifest in self._nested_manifests():
            folder = manifest.parent
            if folder.resolve() in covered or (folder / _VENDORED).is_file():
                continue
            try:
                item = self._read(folder)
            except BuildError as error:
                self.unreadable.append(error.message)
                continue
            if not item.folders & covered:
                yield item
            covered |= item.folders

    def _read(self, folder: Path) -> Workspace:
        return workspace(folder, known_metadata(folder, self._env, memory=self._memory, cancelled=self._cancelled))

    def _nested_manifests(self) -> tuple[Path, ...]:
        return () if self._cargo.workspace else nested_manifests(self.tree)

    def _name(self, item: Workspace) -> str:
        return str(item.base.relative_to(self.tree)) if item.base != self.tree else "the root"


def folders_of_programs(
    job: CargoJob, env: Mapping[str, str], cache: Path, cancelled: Callable[[], bool] | None = None
) -> tuple[str, ...]:
    """The workspaces that have the job's programs, as folders of the checkout, sorted; empty: the root's alone.

    Starts cargo only where a folder may have a workspace of its own, and `cache` (a folder) has no answer for this
    state of the checkout. Raises as `Workspaces.choose`.
    """
    return _folders(
        job, cache, lambda: _program_folders(job, Workspaces(job.tree.path, job.cargo, env=env, cancelled=cancelled))
    )


def folder_of_bundles(
    job: CargoJob, env: Mapping[str, str], cache: Path, cancelled: Callable[[], bool] | None = None
) -> tuple[str, ...]:
    """As `folders_of_programs`, of the one workspace that has the job's bundles; also empty where none has them.

    Raises BuildError where several have them: each workspace locks a wasm-bindgen of its own.
    """
    return _folders(
        job, cache, lambda: _bundle_folders(job, Workspaces(job.tree.path, job.cargo, env=env, cancelled=cancelled))
    )


def _folders(job: CargoJob, cache: Path, find: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    if job.cargo.workspace:
        return (job.cargo.workspace,)
    if not may_have_nested(job.tree.path):
        return ()
    if job.tree.changes is None:
        return find()
    answer = cached(cache / "workspaces.json", _cache_key(job), lambda: "\0".join(find()))
    return tuple(answer.split("\0")) if answer else ()


def _cache_key(job: CargoJob) -> str:
    """Of the state of the checkout, what is sought in it, and a workspace that it may be part of."""
    tree = job.tree
    files = [tree.path / name for name in tree.changes or ()]
    files += [parent / _MANIFEST for parent in tree.path.parents]
    words = [_FORMAT_VERSION, str(tree.path), tree.commit, job.backend or "", job.programs, job.cargo.packages]
    words += [f"{path} {content_digest(path)}" for path in files]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()


def _program_folders(job: CargoJob, workspaces: Workspaces) -> tuple[str, ...]:
    packages = workspaces.choose(job.programs).values()
    folders = {str(package.workspace.relative_to(job.tree.path)) for package in packages}
    return () if folders == {"."} else tuple(sorted(folders))


def _bundle_folders(job: CargoJob, workspaces: Workspaces) -> tuple[str, ...]:
    if any(_has_bundles(item, job) for item in workspaces.first()):
        return ()
    owners = [item for item in workspaces.nested() if _has_bundles(item, job)]
    what = f"the bundles {', '.join(job.programs)}" if job.programs else "bundles"
    return (str(workspaces.only(owners, what).base.relative_to(job.tree.path)),) if owners else ()


def _has_bundles(workspace: Workspace, job: CargoJob) -> bool:
    """Whether it has one of the job's bundles, by the name of its library or of its package (none named: any)."""
    among = job.cargo.packages
    packages = [item for item in workspace.packages if item.libraries and (not among or item.name in among)]
    names = {name.replace("-", "_") for item in packages for name in item.libraries} | {item.name for item in packages}
    return bool(names.intersection(job.programs) if job.programs else names)


def may_have_nested(tree: Path) -> bool:
    """Whether a folder of the checkout may have a workspace that the root's does not contain; starts no cargo.

    A package in a folder belongs to the root's workspace unless that excludes it or it has a `[workspace]` of its own.
    """
    nested = nested_manifests(tree)
    root = _read_manifest(tree / _MANIFEST) if nested else None
    if not nested or root is None or root.workspace is None or root.workspace.exclude:
        return bool(nested)
    return any(b"[workspace" in path.read_bytes() for path in nested if path.is_file())


def nested_manifests(tree: Path) -> tuple[Path, ...]:
    """Every tracked Cargo.toml below the root of a checkout, by depth and path; none where git cannot read it."""
    if not may_track(tree, _MANIFEST):
        return ()
    paths = (Path(name) for name in tracked_files(tree, f":(glob)**/{_MANIFEST}") if name != _MANIFEST)
    return tuple(tree / path for path in sorted(paths, key=lambda path: (len(path.parts), path.parts)))


def _read_manifest(path: Path) -> CargoManifest | None:
    """None: it does not exist, or cannot be read; cargo reports why."""
    try:
        return convert(tomllib.loads(path.read_text(encoding="utf-8")), kind=CargoManifest)
    except (OSError, ValueError) as error:
        raise_for_machine(error, path)
        return None
