"""Refusals: runs a command that must be refused, and checks everything that must hold then.

A Refusal is the end of a command and its error; `…` in it stands for text that differs between runs. A Stage is a root
(with v1 of the app `db`, or empty) and two scripted servers; the app has two programs, so that a correct and a broken
one show whether a part stays whole.
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
from support.fault_server import FaultServer, document, json_answer
from support.limits import TOKEN
from support.worlds import SCHEMAS, Done, World

SETTINGS = "connect = 60\nstall = 60\nretries = 2\nbackoff = 0.001\n"
STALLS = SETTINGS.replace("stall = 60", "stall = 2")
"""Where a server stalls."""
INSTALL = ("install", "db", "--mode", "download")
NAMES = ("db", "db_admin")
Start = Literal["over-v1", "empty-root"]
STARTS: tuple[Start, ...] = ("over-v1", "empty-root")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The exit code, the error's name in the tree of errors.py, and the sentence and hint of the error."""

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
    """The world of a run. `forge` serves `o/db`; `another` is another origin."""

    world: World
    forge: FaultServer
    another: FaultServer

    @property
    def environ(self) -> dict[str, str]:
        return {"FORGEJO_URL": self.forge.url, "FORGEJO_TOKEN": TOKEN}

    def publish(self, *, tag: str = "v2", checksums: bool | bytes = True, **changed: bytes | None) -> dict[str, bytes]:
        """The newest release of `o/db`, with SHA256SUMS of what it has (or these bytes as SHA256SUMS, or none).

        `changed` programs have these bytes, or are missing.
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
        """The API response for the newest release alone; `more` are further assets, with any names."""
        release = document(self.forge.url, tag, sizes)
        release["assets"] += [asset for item in more for asset in document(self.forge.url, tag, dict([item]))["assets"]]
        self.forge.on("/api/v1/repos/o/db/releases/latest", json_answer(release))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of bad input. `arrange` prepares the servers, or the root."""

    name: str
    arrange: Callable[[Stage], object]
    refusal: Refusal
    words: Sequence[str] = INSTALL
    environ: Mapping[str, str] = field(default_factory=dict)
    starts: Sequence[Start] = STARTS
    settings: str = SETTINGS


def parametrize_rows(rows: Iterable[Row]) -> pytest.MarkDecorator:
    """Parametrise a test over (row, start)."""
    params = [pytest.param(row, start, id=f"{row.name}-{start}") for row in rows for start in row.starts]
    return pytest.mark.parametrize(("row", "start"), params)


def write_timeouts(world: World, text: str = SETTINGS) -> None:
    """Write timeouts and retries that suit a test into the settings file."""
    file = world.root.path / "cfg" / "hero_build.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def prepare_root(world: World, start: Start, settings: str = SETTINGS) -> World:
    """The world with the root of `start`."""
    write_timeouts(world, settings)
    if start == "over-v1":
        roots.install(world.root, "db", "v1", *NAMES)
    return world


def snapshot(root: Root) -> Mapping[str, str]:
    """All that a user sees of a root: every name in its folders, and its content."""
    trees = {base: roots.tree(root.place(base)) for base in ("bin", "lib", "share")}
    names = {f"name:{base}/{name}": state for base, entries in trees.items() for name, state in entries.items()}
    return {**names, **roots.visible(root)}


def program_output(root: Root, name: str = "db") -> str | None:
    """The output of an installed program; None if it is not installed."""
    path = root.path / "bin" / name
    return subprocess.run([path], check=True, capture_output=True, text=True).stdout if path.exists() else None


def check_row(stage: Stage, row: Row, start: Start) -> Done:
    """Run a row from `start`, and check the result."""
    prepare_root(stage.world, start, row.settings)
    row.arrange(stage)
    return check_refused_run(
        stage.world, refusal=row.refusal, start=start, words=row.words, environ={**stage.environ, **row.environ}
    )


def check_refused_run(
    world: World,
    refusal: Refusal,
    start: Start,
    words: Sequence[str] = INSTALL,
    environ: Mapping[str, str] = {},
    prefix: tuple[str, ...] = (),
) -> Done:
    """Run a command that must be refused and change nothing: as text over v1, as JSON over an empty root."""
    before, printed, as_json = snapshot(world.root), program_output(world.root), start == "empty-root"
    done = world.run(*words, *(["--json"] if as_json else []), env=environ, prefix=prefix)
    check_refusal(done, refusal, as_json=as_json)
    assert snapshot(world.root) == before
    assert program_output(world.root) == printed == (None if as_json else "db v1\n")
    check_consistent(world.root)
    return done


def check_refusal(done: Done, refusal: Refusal, *, as_json: bool = False) -> None:
    """Check the exit code and the error; with --json, the document is valid and says the same."""
    assert done.code == refusal.code, done.err
    assert refusal.lines().search(done.err), f"{done.err}\n---\n{refusal.lines().pattern}"
    check_no_leak(done)
    if as_json:
        check_schema(done.document)
        error = only_error(done.document)
        assert (error["kind"], error["exit"], done.document["exit"]) == (refusal.kind, refusal.code, refusal.code)
        assert re.fullmatch(_pattern(refusal.message), clean(error["message"])), error
        assert re.fullmatch(_pattern(refusal.hint), clean(error["hint"])), error


def check_schema(answer: Any) -> None:
    """The document is valid under its schema in docs/schemas/."""
    schema = SCHEMAS / f"{'error' if 'error' in answer else answer['command']}.schema.json"
    jsonschema.validate(answer, json.loads(schema.read_text()))


def only_error(answer: Any) -> dict[str, Any]:
    """The single error of a document."""
    entries = [answer["error"]] if "error" in answer else answer["failed"]
    assert len(entries) == 1, entries
    first: dict[str, Any] = entries[0]
    return first


def check_no_leak(done: Done, token: str = TOKEN) -> None:
    """No traceback, no bug, no token, and no control characters."""
    output = done.out + done.err
    assert "Traceback" not in output
    assert "bug in hero-build" not in output
    assert token not in output
    assert all(letter.isprintable() or letter == "\n" for letter in output)


def check_consistent(root: Root) -> None:
    """The root is consistent, and the attempt left nothing but downloads to resume."""
    roots.check(root)
    assert not (root.staging.is_dir() and os.listdir(root.staging))
    assert not list(root.state.glob("partial/run-*"))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def partial_files(root: Root) -> list[Path]:
    """The files that were downloaded and not used."""
    return sorted(path for path in root.partial.iterdir() if path.is_file()) if root.partial.is_dir() else []


def _pattern(text: str) -> str:
    return re.escape(text).replace("…", ".*")
