"""Trials: a command that must be refused, and all that must hold when it is.

A Refusal says how a command ends and what a person reads; `…` in it stands for what differs from run to run. A Stage is
a root (with v1 of the app `db`, or empty) and two scripted servers; the app has two programs, so that one that is right
and one that is wrong show whether a part stays whole.
"""

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest

from hero_build.install.layout import Root
from hero_build.output.text import clean
from support import mirrors, roots
from support.fault_server import FaultServer, document, say
from support.limits import TOKEN
from support.worlds import SCHEMAS, Done, World

PATIENCE = "connect = 2\nstall = 0.5\nretries = 2\nbackoff = 0.001\n"
INSTALL = ("install", "db", "--mode", "download")
NAMES = ("db", "db_admin")
Start = Literal["over-v1", "empty-root"]
STARTS: tuple[Start, ...] = ("over-v1", "empty-root")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The exit code, the error's name in the tree of errors.py, and the sentence and hint that a person reads."""

    code: int
    kind: str
    message: str
    hint: str

    def lines(self) -> re.Pattern[str]:
        whose = r"(?:[\w/]+: )?"
        hint = f"\n  hint: {_pattern(self.hint)}$" if self.hint else ""
        return re.compile(f"^error: {whose}{_pattern(self.message)}${hint}", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a trial takes place. `forge` serves `o/db`; `another` is another origin."""

    world: World
    forge: FaultServer
    another: FaultServer

    @property
    def environ(self) -> dict[str, str]:
        return {"FORGEJO_URL": self.forge.url, "FORGEJO_TOKEN": TOKEN}

    def publish(self, *, tag: str = "v2", checksums: bool | bytes = True, **changed: bytes | None) -> dict[str, bytes]:
        """The newest release of `o/db`, with SHA256SUMS of what it has (or these bytes as SHA256SUMS, or none).

        `changed` programs are these bytes, or are not there.
        """
        files = mirrors.programs(tag, *NAMES)
        for name, content in changed.items():
            files.pop(mirrors.asset(name))
            if content is not None:
                files[mirrors.asset(name)] = content
        if checksums:
            files["SHA256SUMS"] = mirrors.sums(files) if checksums is True else checksums
        self.forge.release("o/db", tag, files)
        return files

    def latest(self, tag: str, sizes: Mapping[str, int], *more: tuple[str, int]) -> None:
        """The API's answer for the newest release alone; `more` are further assets, of whatever names."""
        told = document(self.forge.url, tag, sizes)
        told["assets"] += [asset for item in more for asset in document(self.forge.url, tag, dict([item]))["assets"]]
        self.forge.on("/api/v1/repos/o/db/releases/latest", say(told))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of bad input. `arrange` makes the servers, or the root, as bad as the row says."""

    name: str
    arrange: Callable[[Stage], object]
    refusal: Refusal
    words: Sequence[str] = INSTALL
    environ: Mapping[str, str] = field(default_factory=dict)
    starts: Sequence[Start] = STARTS


def each(rows: Iterable[Row]) -> pytest.MarkDecorator:
    """Parametrise a test over (row, start)."""
    params = [pytest.param(row, start, id=f"{row.name}-{start}") for row in rows for start in row.starts]
    return pytest.mark.parametrize(("row", "start"), params)


def timeouts(world: World, text: str = PATIENCE) -> None:
    """Waits and limits that suit a test, where an operator would write down others."""
    file = world.root.path / "cfg" / "hero_build.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def started(world: World, start: Start) -> World:
    """The root to begin with."""
    timeouts(world)
    if start == "over-v1":
        roots.install(world.root, "db", "v1", *NAMES)
    return world


def look(root: Root) -> Mapping[str, str]:
    """All of a root that a user can see: every name in its folders, and what is behind it."""
    trees = {base: roots.tree(root.place(base)) for base in ("bin", "lib", "share")}
    names = {f"name:{base}/{name}": how for base, found in trees.items() for name, how in found.items()}
    return {**names, **roots.visible(root)}


def printed(root: Root, name: str = "db") -> str | None:
    """What an installed program says; None where there is none."""
    path = root.path / "bin" / name
    return subprocess.run([path], check=True, capture_output=True, text=True).stdout if path.exists() else None


def tried(stage: Stage, row: Row, start: Start) -> Done:
    """Run a row from `start`, and hold everything against it."""
    started(stage.world, start)
    row.arrange(stage)
    return held(
        stage.world, refusal=row.refusal, start=start, words=row.words, environ={**stage.environ, **row.environ}
    )


def held(
    world: World,
    refusal: Refusal,
    start: Start,
    words: Sequence[str] = INSTALL,
    environ: Mapping[str, str] = {},
    prefix: tuple[str, ...] = (),
) -> Done:
    """Run a command that must be refused and change nothing: as text over v1, as JSON over an empty root."""
    before, ran, as_json = look(world.root), printed(world.root), start == "empty-root"
    done = world.run(*words, *(["--json"] if as_json else []), env=environ, prefix=prefix)
    refused(done, refusal, as_json=as_json)
    assert look(world.root) == before
    assert printed(world.root) == ran == (None if as_json else "db v1\n")
    tidy(world.root)
    return done


def refused(done: Done, refusal: Refusal, *, as_json: bool = False) -> None:
    """It ended with the code and in the words; where a document was asked for, it is one and says the same."""
    assert done.code == refusal.code, done.err
    assert refusal.lines().search(done.err), f"{done.err}\n---\n{refusal.lines().pattern}"
    discreet(done)
    if as_json:
        conforms(done.document)
        told = problem(done.document)
        assert (told["kind"], told["exit"], done.document["exit"]) == (refusal.kind, refusal.code, refusal.code)
        assert re.fullmatch(_pattern(refusal.message), clean(told["message"])), told
        assert re.fullmatch(_pattern(refusal.hint), clean(told["hint"])), told


def conforms(told: Any) -> None:
    """The document is of the shape that its schema in docs/schemas/ promises."""
    schema = SCHEMAS / f"{'error' if 'error' in told else told['command']}.schema.json"
    jsonschema.validate(told, json.loads(schema.read_text()))


def problem(told: Any) -> dict[str, Any]:
    """The one problem of a document."""
    found = [told["error"]] if "error" in told else told["failed"]
    assert len(found) == 1, found
    first: dict[str, Any] = found[0]
    return first


def discreet(done: Done, token: str = TOKEN) -> None:
    """No traceback, no bug, no token, and nothing that a terminal would act on."""
    said = done.out + done.err
    assert "Traceback" not in said
    assert "bug in hero-build" not in said
    assert token not in said
    assert all(letter.isprintable() or letter == "\n" for letter in said)


def tidy(root: Root) -> None:
    """The root is consistent, and no trace of the attempt is left but downloads to go on with."""
    roots.check(root)
    assert not (root.staging.is_dir() and os.listdir(root.staging))
    assert not list(root.state.glob("partial/run-*"))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def partials(root: Root) -> list[Path]:
    """What was downloaded and not used."""
    return sorted(path for path in root.partial.iterdir() if path.is_file()) if root.partial.is_dir() else []


def _pattern(text: str) -> str:
    return re.escape(text).replace("…", ".*")
