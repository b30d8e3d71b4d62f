"""Roots for tests: parts that went the real way in, what a root looks like, and whether it is consistent."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hero_build import manifest
from hero_build.install import islands_index
from hero_build.install.commit import commit
from hero_build.install.islands import INDEX
from hero_build.install.layout import FOLDERS, Root, is_ours, link_name
from hero_build.install.root_lock import locked
from hero_build.install.store import make_durable, stage
from hero_build.model.artifacts import Binary, Platform
from hero_build.model.installed import Generation, Origin, PartId
from hero_build.model.steps import Asset, Fetched, Part, SelectedAsset, Verified, VerifiedPart
from hero_build.platforms import machine_arch
from hero_build.verify.check import verify
from hero_build.verify.expect import expect_for
from support.elf_files import program, static_elf


def platform() -> Platform:
    return Platform(machine_arch(), "musl")


def fetched(root: Root, name: str, version: str) -> Fetched:
    root.partial.mkdir(parents=True, exist_ok=True)
    path = static_elf(root.partial / f"{name}-{version}", program(name, version))
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    selected = SelectedAsset(
        Asset(f"{name}-{platform()}", url=f"file:///nowhere/{name}", size=len(content), id=version), digest
    )
    return Fetched(Binary(name, "cli"), path=path, form="file", sha256=digest, size=len(content), selected=selected)


def verified(root: Root, name: str, version: str) -> Verified:
    arrived = fetched(root, name, version)
    passed = verify(arrived, expect_for(arrived.artifact, arrived.selected, platform()))
    make_durable(passed)
    return passed


def ready(root: Root, app: str, version: str, names: Sequence[str]) -> VerifiedPart:
    artifacts = tuple(verified(root, name, version) for name in names)
    origin = Origin(
        version,
        requested="download",
        used="download",
        why="a test",
        forge="file:///nowhere",
        repo=f"o/{app}",
        tag=version,
    )
    return VerifiedPart(Part(PartId(app), tuple(item.artifact for item in artifacts)), origin, artifacts)


def install(root: Root, app: str, version: str, *names: str, wait: float = 0) -> tuple[Generation, Generation]:
    """Put an app's binaries (named as the app if none are named) through verify, stage and commit."""
    item = ready(root, app=app, version=version, names=names or (app,))
    with locked(root, wait) as held:
        return commit(held, [stage(held, item)], f"install {app}")


def tree(folder: Path) -> Mapping[str, str]:
    """Every file, link and folder below `folder` with its mode and content, for comparing before with after."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            found[str(path.relative_to(folder))] = _look(path)
    return found


def visible(root: Root) -> Mapping[str, str]:
    """What a user sees of a root: what its names lead to, and what the manifest says; nothing that only dangles."""
    seen = {f"{folder}/{name}": root.place(folder) / name for folder in FOLDERS for name in _names(root.place(folder))}
    shown = {name: _behind(path) for name, path in seen.items() if path.exists()}
    generation = manifest.load(root.path)
    return shown | {f"manifest:{part}": repr(record) for part, record in generation.records.items()}


def check(root: Root) -> Generation:
    """Assert that the root is consistent: manifest, content and links say the same. Gives back the generation."""
    generation = manifest.load(root.path)
    owned = {item.path for item in generation.adopted}
    for record in generation.records.values():
        for file in (file for entry in record.entries for file in entry.files):
            name = link_name(file.path)
            owned.add(name)
            assert is_ours(root, name), f"{name} is not linked"
            content = root.place(file.path).read_bytes()
            assert hashlib.sha256(content).hexdigest() == file.sha256, f"{file.path} is not what the manifest says"
            assert root.place(file.path).stat().st_mode & 0o7777 == file.mode
    _index(root, generation)
    for folder in FOLDERS:
        for name in (f"{folder}/{item}" for item in _names(root.place(folder))):
            if is_ours(root, name) and name not in owned and not _returning(root, name):
                assert not root.place(name).exists(), f"{name} leads somewhere, and no part owns it"
    return generation


def _index(root: Root, generation: Generation) -> None:
    """Is islands.json there when islands are, and does it speak of what is there?"""
    if (text := islands_index.render(generation.records)) is None:
        assert not (root.current / INDEX).exists()
    else:
        assert root.place(INDEX).read_text() == text


def _returning(root: Root, name: str) -> bool:
    """Is the name about to be given back? Then the generation shows the adopted thing there already."""
    kept, shown = (root.current / folder / name for folder in ("adopted", ""))
    if not os.path.lexists(kept):
        return False
    return kept.is_dir() == shown.is_dir() and (kept.is_dir() or kept.lstat().st_ino == shown.lstat().st_ino)


def settled(root: Root) -> Generation:
    """`check`, and no trace of interrupted work is left."""
    generation = check(root)
    assert os.listdir(root.staging) == []
    links = {f"{folder}/{name}" for folder in FOLDERS for name in _names(root.place(folder))}
    assert all(root.place(name).exists() for name in links if is_ours(root, name)), "a link dangles"
    return generation


def _names(folder: Path) -> Iterable[str]:
    return sorted(os.listdir(folder)) if folder.is_dir() else ()


def _look(path: Path) -> str:
    status = path.lstat()
    if path.is_symlink():
        return f"link {os.readlink(path)}"
    if path.is_dir():
        return f"folder {status.st_mode:o}"
    return f"file {status.st_mode:o} {status.st_size} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _behind(path: Path) -> str:
    real = path.resolve()
    return repr(sorted(tree(real).items())) if real.is_dir() else _look(real)
