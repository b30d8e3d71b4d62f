"""A small world for tests of commands: a mirror, overlay recipes, an empty root, and the real program run over them."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hero_build.install.layout import Root
from support import mirrors

REPO = Path(__file__).resolve().parents[2]
SCHEMAS = REPO / "docs" / "schemas"


@dataclass(frozen=True, slots=True)
class Done:
    """What a command ended with and wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class World:
    folder: Path

    @property
    def root(self) -> Root:
        return Root(self.folder / "hero")

    @property
    def mirror(self) -> Path:
        return self.folder / "mirror"

    @property
    def recipes(self) -> Path:
        return self.folder / "recipes"

    def environ(self, **more: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HERO_", "FORGEJO_"))}
        return kept | {
            "HERO_SUPERVISOR": "supervisord",  # not the systemd of this machine
            "HERO_ROOT": str(self.root.path),
            "HERO_RECIPES": str(self.recipes),
            "HERO_BUILD_CACHE": str(self.folder / "cache"),
            "FORGEJO_URL": self.mirror.as_uri(),
            **more,
        }

    def run(
        self,
        *words: str,
        env: Mapping[str, str] | None = None,
        python: tuple[str, ...] = (),
        prefix: tuple[str, ...] = (),
    ) -> Done:
        """`hero-build WORDS`, as a process of its own; `prefix` is a command that runs it, such as setpriv."""
        command = [*prefix, sys.executable, *python, "-m", "hero_build", *words]
        environ = self.environ(**(env or {}))
        done = subprocess.run(command, env=environ, cwd=REPO, capture_output=True, text=True, timeout=900)
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str) -> str:
        """The same, which must end with 0: what it wrote to stdout."""
        done = self.run(*words)
        assert done.code == 0, done.err
        return done.out

    def release(self, app: str, tag: str, *names: str, checksums: bool = True, latest: bool = True) -> None:
        """A release of `o/<app>` whose programs (named as the app, if none are named) print their name and tag."""
        programs = mirrors.programs(tag, *(names or (app,)))
        mirrors.release(self.mirror, app=app, tag=tag, files=programs, checksums=checksums, latest=latest)

    def recipe(self, app: str, *names: str, **extra: str) -> Path:
        return mirrors.recipe(self.recipes, app, names or (app,), **extra)


def empty(folder: Path) -> World:
    """No recipes, an empty mirror, and no root yet."""
    created = World(folder)
    created.mirror.mkdir(parents=True, exist_ok=True)
    created.recipes.mkdir(parents=True, exist_ok=True)
    return created


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The world of a test, empty; fixtures such as `two_apps` fill it."""
    return empty(tmp_path)


@pytest.fixture
def home() -> Iterator[World]:
    """An empty world with a short path, for sockets; its root is `hero` there, as in a person's home."""
    with tempfile.TemporaryDirectory(prefix="hero-") as folder:
        yield empty(Path(folder))


@pytest.fixture
def two_apps(world: World) -> World:
    """Two apps with releases: `db` (db, db_admin) in v1 and v2, `web` (web) in v1, and a set of both."""
    world.recipe("db", "db", "db_admin")
    world.recipe("web", needs='("db",)')
    (world.recipes / "_sets.py").write_text('SETS = {"both": ("db", "web")}\n')
    world.release("db", "v1", "db", "db_admin")
    world.release("db", "v2", "db", "db_admin")
    world.release("web", "v1")
    return world


def valid(document: Any, name: str = "") -> Any:
    """The document itself, if the schema of its command (or of `name`) says that it is one."""
    import jsonschema

    schema = json.loads((SCHEMAS / f"{name or document['command']}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    return document
