"""What the builds of a checkout read beside what their fingerprints cover, and what they made.

The fingerprint has the checkout, the toolchain, the recipe and the variables that compilers know. A build may read
more: a path dependency elsewhere, a file that git ignores, a variable of `env!`, what a build script names. cargo knows
these (cargo/build_reads.py); they are kept in `<cache>/inputs/`, one file per checkout, each with a digest. What was
built is up to date without asking cargo only if all of them are what they were.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hero_build.errors import HeroBuildError, ToolFailed
from hero_build.model.installed import Fingerprint
from hero_build.model.steps import CargoJob, RecordedBuild
from hero_build.os_errors import raise_for_machine, raise_unless_absent
from hero_build.source.cargo import build as cargo_build
from hero_build.source.cargo.build_reads import BuildDirectories, BuildReads, build_reads
from hero_build.source.cargo.build_reads import UnknownReads as UnknownReads
from hero_build.source.cargo.messages import CargoMessage
from hero_build.source.cargo.target_folder import has_config
from hero_build.source.git.status import CACHE_TAG, status, tracked_files
from hero_build.system import process
from hero_build.system.decoding import decode_json
from hero_build.system.file_cache import lookup, store_all

_ENTRIES = 300  # programs and bundles of a checkout, in the states that were built last
_MAX_FILES = 20_000  # in a folder that a build script names
_TICK = 50_000_000  # ns: how far a file system's clock may be behind
_ABSENT = "absent"


class RecordEntry(Struct, frozen=True):
    """`output`: a digest of the files that were built; the digest of each input by its path or name.

    `silent`: packages whose build scripts do not say what they read; `tags`: those files that hold git's tags, which
    such a script may read.
    """

    output: str
    files: dict[str, str]
    variables: dict[str, str]
    silent: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class RecordedInputs(Struct, frozen=True):
    """All paths and variables that any recorded build of a checkout read."""

    paths: frozenset[str]
    variables: frozenset[str]


def recall(job: CargoJob, fingerprint: Fingerprint, cache: Path) -> RecordedBuild:
    """What is recorded of the last build of the job with this fingerprint, and which of its inputs changed since."""
    texts = lookup(_file(job.tree.path, cache))
    read = {name: _decode(texts.get(_key(fingerprint, name), "")) for name in job.programs}
    known = {name: entry for name, entry in read.items() if entry is not None}
    env = cargo_build.environment(replace(job, lib=None))
    current: dict[str, str] = {}
    changed = tuple(dict.fromkeys(name for entry in known.values() for name in _changes(entry, env, current)))
    rerun = {package for entry in known.values() if not set(entry.tags).isdisjoint(changed) for package in entry.silent}
    outputs = tuple((name, entry.output) for name, entry in known.items())
    return RecordedBuild(outputs, changed=changed, rerun=tuple(sorted(rerun)))


def read_inputs(
    job: CargoJob, messages: Sequence[CargoMessage], started: int, directories: Sequence[BuildDirectories] = ()
) -> RecordEntry | None:
    """What a build read, once cargo has ended; None: it is not clear.

    `started`: when cargo was started, in ns of time.time_ns().
    """
    env = cargo_build.environment(replace(job, lib=None))
    with suppress(UnknownReads, OSError, ValueError, HeroBuildError):
        if has_config(job.cargo.args):
            raise UnknownReads("cargo's arguments name further configuration")
        reads = build_reads(messages, env, directories)
        tags = sorted({str(path) for _, folder in reads.silent for path in _tags(folder)})
        files = {str(path): _describe(path, started) for path in sorted({*_outside(reads, job), *map(Path, tags)})}
        return RecordEntry(
            "",
            files=files,
            variables={name: _variable(env, name) for name in sorted(reads.variables)},
            silent=tuple(sorted(package for package, _ in reads.silent)),
            tags=tuple(tags),
        )
    return None


def record(
    job: CargoJob, fingerprint: Fingerprint, inputs: RecordEntry | None, outputs: Mapping[str, str], cache: Path
) -> None:
    """Record what a build read and made (`outputs`: name and digest), unless its inputs are not clear."""
    if inputs is None:
        return
    with suppress(OSError, ValueError):
        texts = {
            _key(fingerprint, name): msgspec.json.encode(replace(inputs, output=output)).decode()
            for name, output in outputs.items()
        }
        store_all(_file(job.tree.path, cache), texts, most=_ENTRIES)


def recorded_inputs(tree: Path, cache: Path) -> RecordedInputs:
    """Of all builds of a checkout that are recorded, folders with all that is in them. Raises UnknownReads."""
    entries = [_decode(text) for text in lookup(_file(tree, cache)).values()]
    known = [entry for entry in entries if entry is not None]
    paths = {path for entry in known for name in entry.files for path in _with_contents(Path(name))}
    return RecordedInputs(frozenset(paths), frozenset(name for entry in known for name in entry.variables))


def _changes(entry: RecordEntry, env: Mapping[str, str], current: dict[str, str]) -> Iterator[str]:
    """The inputs of a build that are not what they were; `current` keeps what was read."""
    for name, digest in entry.files.items():
        if name not in current:
            current[name] = _current(Path(name))
        if current[name] != digest:
            yield name
    yield from (f"${name}" for name, digest in entry.variables.items() if _variable(env, name) != digest)


def _current(path: Path) -> str:
    try:
        return _describe(path, None)
    except (OSError, UnknownReads) as error:
        raise_for_machine(error, path)
        return f"unreadable: {type(error).__name__}"


def _outside(reads: BuildReads, job: CargoJob) -> Iterator[Path]:
    """What was read and is not covered by the fingerprint: outside the tree, ignored by git, or git's own."""
    tree = Path(os.path.realpath(job.tree.path))
    covered = _covered(tree, job) | {f"{tree}/Cargo.lock"}
    folders: dict[str, str] = {}
    for path in reads.paths:
        in_libraries = job.lib is not None and path.is_relative_to(job.lib)
        if _real_path(str(path), folders) not in covered and not in_libraries:
            yield path
    yield from (folder for _, folder in reads.silent if not Path(os.path.realpath(folder)).is_relative_to(tree))


def _real_path(path: str, folders: dict[str, str]) -> str:
    """As os.path.realpath; `folders` keeps what it says of the folders, which many files share."""
    folder, name = os.path.split(path)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    path = os.path.join(folders[folder], name)
    return os.path.realpath(path) if name in ("", ".", "..") or os.path.islink(path) else path


def _covered(tree: Path, job: CargoJob) -> frozenset[str]:
    """The files of a checkout whose content is part of its state: those that git tracks, and the changes to them."""
    changes = status(tree).changes if job.tree.changes is None else job.tree.changes
    names = (name for name in (*tracked_files(tree), *changes) if os.path.basename(name) != "Cargo.lock")
    return frozenset(f"{tree}/{name}".removesuffix("/") for name in names)  # git ends a nested repository with a slash


def _tags(folder: Path) -> Iterator[Path]:
    """Where git keeps the tags that `git describe` reads, for a script that does not say what it reads."""
    with suppress(ToolFailed):
        words = ("git", "rev-parse", "--path-format=absolute", "--git-common-dir")
        common = Path(process.capture(words, cwd=folder, env=process.environment()).strip())
        yield from (common / "refs" / "tags", common / "packed-refs")


def _describe(path: Path, started: int | None) -> str:
    """A digest of a file, or of a folder with all in it. Raises UnknownReads for one changed since `started`."""
    if not path.exists():
        return _ABSENT
    if path.is_dir():
        names = _with_contents(path)
        return _digest([f"{name} {'' if os.path.isdir(name) else _file_digest(Path(name), started)}" for name in names])
    return _file_digest(path, started)


def _with_contents(path: Path) -> list[str]:
    """A path and, of a folder, all paths in it: not those of git, nor of cargo's output."""
    names = [str(path)]
    for folder, below, files in os.walk(path, onerror=raise_unless_absent):
        below[:] = sorted(
            name for name in below if name != ".git" and not os.path.lexists(os.path.join(folder, name, CACHE_TAG))
        )
        names += (os.path.join(folder, name) for name in (*below, *sorted(files)))
        if len(names) > _MAX_FILES:
            raise UnknownReads(f"{path} has too many files")
    return names


def _file_digest(path: Path, started: int | None) -> str:
    try:
        with path.open("rb") as file:
            if started is not None and os.fstat(file.fileno()).st_ctime_ns > started - _TICK:
                raise UnknownReads(f"{path} changed during the build")
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return _ABSENT


def _variable(env: Mapping[str, str], name: str) -> str:
    return _digest([env[name]]) if name in env else _ABSENT


def _digest(words: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(words).encode("utf-8", "surrogatepass")).hexdigest()


def _file(tree: Path, cache: Path) -> Path:
    return cache / "inputs" / f"{_digest([str(tree)])[:16]}.json"


def _key(fingerprint: Fingerprint, name: str) -> str:
    """The lock file is left out: the first build may write it, and cargo's own is an input like others."""
    return f"{_digest([str(part) for part in fingerprint.parts if part[0] != 'lock'])[:32]} {name}"


def _decode(text: str) -> RecordEntry | None:
    try:
        return decode_json(text, kind=RecordEntry)
    except ValueError:
        return None
