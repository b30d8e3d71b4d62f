"""The Cargo.lock files that builds of ours wrote into a checkout whose repository has none.

They are in nobody's way: cargo may update them, and git may replace them. A file that somebody changed or committed
since is theirs.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from hero_build.os_errors import raise_for_machine
from hero_build.source.content_digest import content_digest
from hero_build.source.git.paths import STATE_FOLDER
from hero_build.source.git.status import tracked_files
from hero_build.system.decoding import decode_json

LOCK = "Cargo.lock"


def writable_locks(tree: Path, folders: Sequence[Path]) -> tuple[Path, ...]:
    """The lock files of the workspaces in `folders` that a build may write: missing ones, and our own."""
    own = own_locks(tree)
    return tuple(folder / LOCK for folder in folders if folder / LOCK in own or not (folder / LOCK).exists())


@contextmanager
def recording(tree: Path, writable: Sequence[Path]) -> Iterator[None]:
    """While a build may write these lock files: they are our own afterwards."""
    try:
        yield
    finally:
        if writable:
            _record(tree, [path for path in writable if path.is_file()])


def own_locks(tree: Path) -> tuple[Path, ...]:
    """Our own lock files in a checkout: as a build wrote them, and not tracked by git."""
    try:
        recorded = decode_json(_file(tree).read_bytes(), kind=dict[str, str])
    except (OSError, msgspec.MsgspecError) as error:
        raise_for_machine(error, tree)
        return ()
    same = [name for name, digest in recorded.items() if content_digest(tree / name) == digest]
    tracked = tracked_files(tree, *(f":(literal){name}" for name in same)) if same else ()
    return tuple(tree / name for name in same if name not in tracked)


def _record(tree: Path, paths: Sequence[Path]) -> None:
    kept = {path: content_digest(path) for path in (*own_locks(tree), *paths)}
    document = {str(path.relative_to(tree)): digest for path, digest in kept.items()}
    with suppress(OSError):  # they then count as somebody's
        file = _file(tree)
        part = file.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(document))
        part.replace(file)


def _file(tree: Path) -> Path:
    return tree.parent / STATE_FOLDER / f"{tree.name}.own-locks.json"
