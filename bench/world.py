"""What there is to install: releases of small, large, huge and tiny apps, and recipes for them.

    cache/bench-world/www/<owner>/<repo>/releases/download/<tag>/<asset>     as Forgejo serves them
    cache/bench-world/www/attachments/<uuid>                                 the same files, by the other way
    cache/bench-world/recipes/<fleet>/<app>.py

It is made once (about 2 GB) and kept; its API documents carry a port, so they are made anew for each run.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.places import WORLD
from support.elf_files import program, static_bytes

OWNER = "bench"
_VERSION = "1"
_MB = 1 << 20
_CHUNK = _MB
_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}
_RECIPE = '''"""{app}: one static binary."""

from hero_build.recipe import Recipe, cli


class App(Recipe):
    repo = "{owner}/{app}"
    binaries = (cli("{app}"),)
'''


@dataclass(frozen=True, slots=True)
class App:
    name: str
    size: int
    """Of its one binary, in bytes."""
    tags: tuple[str, ...] = ("v1.0.0",)

    @property
    def asset(self) -> str:
        return f"{self.name}-linux-{_ARCH[os.uname().machine]}-musl"

    def file(self, tag: str) -> Path:
        return _folder(self, tag) / self.asset


SMALL = tuple(App(f"app{number:02}", 8 * _MB) for number in range(1, 31))
LARGE = tuple(App(f"large{number}", 100 * _MB) for number in range(1, 7))
HUGE = (App("huge", 1024 * _MB),)
SIZES = (250, 500, 1000)
TINY = tuple(
    App(f"tiny{number:04}", 8192, ("v1.0.0", "v2.0.0")[: 2 if number == 1 else 1]) for number in range(1, 1001)
)
PLANNED = TINY[:35]
UNRELEASED = tuple(App(f"bare{number:02}", 0, ()) for number in range(1, 18))
"""Repositories without a release."""
_FLEETS = {"small": SMALL, "large": LARGE, "huge": HUGE, "one": TINY[:1], **{str(n): TINY[:n] for n in SIZES}}


def build() -> None:
    """Make the files, unless they are there."""
    stamp = WORLD / "version"
    if stamp.is_file() and stamp.read_text() == _VERSION:
        return
    shutil.rmtree(WORLD, ignore_errors=True)
    (WORLD / "www" / "attachments").mkdir(parents=True)
    for app, tag in _releases():
        _write_release(app, tag)
    for fleet, apps in _FLEETS.items():
        write_recipes(recipes(fleet), apps)
    stamp.write_text(_VERSION)


def recipes(fleet: str) -> Path:
    """The folder for HERO_RECIPES with the apps of `small`, `large`, `huge`, `one`, `250`, `500` or `1000`."""
    return WORLD / "recipes" / fleet


def warm(apps: Iterable[App]) -> None:
    """Read every file once, so that no run finds it colder than another."""
    for app in apps:
        for tag in app.tags:
            with app.file(tag).open("rb", buffering=0) as stream:
                while stream.read(_CHUNK):
                    pass


def write_api(folder: Path, base: str) -> None:
    """The API's documents for a server that is reached at `base`, as files below `folder`."""
    for app in (*SMALL, *LARGE, *HUGE, *TINY):
        home = folder / "api" / "v1" / "repos" / OWNER / app.name
        (home / "releases" / "tags").mkdir(parents=True)
        documents = [_document(app, tag, base) for tag in app.tags]
        _write_repo(home, app)
        (home / "releases" / "index.json").write_text(json.dumps(documents[::-1]))
        (home / "releases" / "latest").write_text(json.dumps(documents[-1]))
        for tag, document in zip(app.tags, documents, strict=True):
            (home / "releases" / "tags" / tag).write_text(json.dumps(document))
    for app in UNRELEASED:
        _write_repo(folder / "api" / "v1" / "repos" / OWNER / app.name, app)


def _write_repo(home: Path, app: App) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "index.json").write_text(json.dumps({"name": app.name, "full_name": f"{OWNER}/{app.name}"}))


def _releases() -> Iterator[tuple[App, str]]:
    return ((app, tag) for app in (*SMALL, *LARGE, *HUGE, *TINY) for tag in app.tags)


def _write_release(app: App, tag: str) -> None:
    path = app.file(tag)
    path.parent.mkdir(parents=True)
    digest = _grow(path, static_bytes(program(app.name, tag)), app.size)
    sums = path.with_name("SHA256SUMS")
    sums.write_text(f"{digest}  {path.name}\n")
    for file in (path, sums):
        os.link(file, WORLD / "www" / "attachments" / _uuid(app, tag, file.name))


def _grow(path: Path, head: bytes, size: int) -> str:
    """A program of `size` bytes, distinct from every other one; its digest. No loader sees what is appended."""
    digest = hashlib.sha256(head)
    filler = hashlib.shake_256(head).digest(_CHUNK)
    with path.open("wb") as stream:
        stream.write(head)
        for at in range(len(head), size, len(filler)):
            piece = filler[: size - at]
            stream.write(piece)
            digest.update(piece)
    return digest.hexdigest()


def write_recipes(folder: Path, apps: Iterable[App]) -> None:
    """A recipe for each, and the set @bench of them all."""
    folder.mkdir(parents=True)
    names = tuple(app.name for app in apps)
    for name in names:
        (folder / f"{name}.py").write_text(_RECIPE.format(app=name, owner=OWNER))
    (folder / "_sets.py").write_text(f'"""All of them."""\n\nSETS = {{"bench": {names!r}}}\n')


def _document(app: App, tag: str, base: str) -> dict[str, object]:
    """A release as the API tells it, with the keys that clients read."""
    page = f"{base}/{OWNER}/{app.name}/releases"
    return {
        "id": 1,
        "tag_name": tag,
        "target_commitish": "main",
        "name": tag,
        "body": "",
        "url": f"{base}/api/v1/repos/{OWNER}/{app.name}/releases/1",
        "html_url": f"{page}/tag/{tag}",
        "draft": False,
        "prerelease": False,
        "created_at": f"2026-01-0{tag[1]}T00:00:00Z",
        "published_at": f"2026-01-0{tag[1]}T00:00:00Z",
        "assets": [_asset(app, tag=tag, path=path, page=page) for path in sorted(_folder(app, tag).iterdir())],
    }


def _asset(app: App, tag: str, path: Path, page: str) -> dict[str, object]:
    return {
        "id": 1,
        "name": path.name,
        "size": path.stat().st_size,
        "download_count": 0,
        "created_at": f"2026-01-0{tag[1]}T00:00:00Z",
        "uuid": _uuid(app, tag, path.name),
        "browser_download_url": f"{page}/download/{tag}/{path.name}",
        "type": "attachment",
    }


def _uuid(app: App, tag: str, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{app.name}/{tag}/{name}"))


def _folder(app: App, tag: str) -> Path:
    return WORLD / "www" / OWNER / app.name / "releases" / "download" / tag
