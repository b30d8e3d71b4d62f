"""One file to installed programs, without a network: a pack beside a self-extracting archive of makeself."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import floors, world
from bench.bench import Bench
from bench.measure import Command, Failed, Peer, compare, environment, seconds
from bench.peers import hero_command
from bench.places import RUN
from bench.profiles import profiled
from bench.result import HERO, Row, Target

_MAKESELF, _PLAIN = "makeself", "makeself --nocomp"
_APPS = world.SMALL[:6]
_WHAT = "a loop that reads, hashes, writes and syncs the same files"
_INSTALL = '#!/bin/sh\nset -e\nmkdir -p "$TARGET"\ninstall -m 755 app* "$TARGET"\nsync "$TARGET"/* "$TARGET"\n'


def rows(bench: Bench) -> list[Row]:
    """Each into an empty home: hero-build unpacks itself, too. Without makeself its columns are empty."""
    world.warm(_APPS)
    RUN.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="pack-", dir=RUN))
    try:
        return [_row(bench, folder)]
    finally:
        shutil.rmtree(folder)


def _row(bench: Bench, folder: Path) -> Row:
    names = [app.name for app in _APPS]
    pack = folder / "tester.pyz"
    seconds(hero_command(bench.context.hero, "small", bench.server.near, folder, "pack", *names, "-o", str(pack)))
    ours = _peer(HERO, (str(pack), "install"), lambda home: home / "hero" / "bin")
    peers = [ours, floors.written(bench.context, _APPS)]
    notes = [f"{HERO}: {_megabytes(pack)}"]
    if not shutil.which("makeself"):
        notes.append("makeself is not on this machine")
    else:
        for name, options in ((_MAKESELF, ()), (_PLAIN, ("--nocomp",))):
            archive = _makeself(folder / f"{name.replace(' ', '')}.run", folder / "files", options)
            peers.append(_peer(name, (str(archive), "--quiet"), lambda home: home / "bin"))
            notes.append(f"{name}: {_megabytes(archive)}")
    samples = compare(peers, bench.rounds, seconds)
    again = compare(_installed(folder, pack), bench.many, seconds)
    notes.append(f"the same `install` again, through the pack: {sorted(again[HERO])[len(again[HERO]) // 2]:.3f} s")
    title = f"{len(_APPS)} apps × 8 MB from one file, without a network"
    targets = (Target(1.0, _MAKESELF), Target(1.0, _PLAIN))
    row = Row("pack", title=title, unit="s", samples=samples, targets=targets, notes=tuple(notes))
    return profiled(floors.loop(row, _WHAT), ours)


def _peer(name: str, argv: tuple[str, ...], place: Callable[[Path], Path]) -> Peer:
    def prepare(home: Path) -> Command:
        return Command(argv, _bare(home, TARGET=home / "bin", TMPDIR=home), home)

    def check(home: Path) -> None:
        for app in _APPS:
            if (place(home) / app.name).stat().st_size != app.size:
                raise Failed(f"{name} has installed another {app.name}")

    return Peer(name, prepare, check)


def _bare(home: Path, **more: Path) -> dict[str, str]:
    """As on a machine whose `python3` is an interpreter, and not the shell script of a version manager."""
    path = os.pathsep.join((str(Path(sys.executable).resolve().parent), os.environ["PATH"]))
    return environment(home, PATH=path, **more)


def _installed(folder: Path, pack: Path) -> list[Peer]:
    (home := folder / "home").mkdir()
    again = Command((str(pack), "install"), _bare(home), home)
    seconds(again)
    return [Peer(HERO, lambda _: again)]


def _makeself(archive: Path, files: Path, options: tuple[str, ...]) -> Path:
    """The same programs with a script that installs and syncs them; it verifies its own checksum of the whole first."""
    files.mkdir(exist_ok=True)
    for app in _APPS:
        shutil.copy(app.file("v1.0.0"), files / app.name)
    (files / "install.sh").write_text(_INSTALL)
    (files / "install.sh").chmod(0o755)
    command = ["makeself", "--quiet", *options, str(files), str(archive), "programs", "./install.sh"]
    subprocess.run(command, check=True, capture_output=True)
    return archive


def _megabytes(path: Path) -> str:
    return f"a file of {path.stat().st_size / 1e6:.0f} MB"
