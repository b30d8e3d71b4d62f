"""A root with small services, compiled here from bench/daemon.c."""

import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.bench import Bench
from bench.measure import Command, environment, seconds
from bench.places import CHECKOUT, WORLD
from bench.scratch import scratch
from hero_build.forge.mirror import publish
from hero_build.model.steps import Asset, Release

TAGS = ("v1.0.0", "v2.0.0")
_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
_RECIPE = '''"""{app}: for the benchmark of services."""

from hero_build.recipe import Recipe, admin, server


class App(Recipe):
    repo = "bench/{app}"
    libc = "gnu"
    binaries = ({binaries},)
'''


def apps(number: int, admins: int) -> dict[str, tuple[str, ...]]:
    """So many apps with their binaries: each a server, the first `admins` also an admin."""
    names = [f"svc{index:02}" for index in range(1, number + 1)]
    return {
        name: (f"{name}_server", f"{name}_admin") if index < admins else (f"{name}_server",)
        for index, name in enumerate(names)
    }


class ServiceRoot:
    """A root in `folder` whose services are installed from a mirror beside it."""

    def __init__(self, bench: Bench, folder: Path, binaries: dict[str, tuple[str, ...]]) -> None:
        self.bench, self.folder, self.binaries = bench, folder, binaries
        self.sockets = folder / "s"
        _write_recipes(folder / "recipes", binaries)
        for tag in TAGS:
            for app, names in binaries.items():
                _release(folder / "mirror", app, names, tag)
        self.run("install", "@bench", "--mode", "download", "--version", TAGS[0])

    def command(self, *arguments: str) -> Command:
        env = environment(
            self.folder,
            HERO_ROOT=self.folder / "root",
            HERO_RECIPES=self.folder / "recipes",
            HERO_BUILD_CACHE=self.folder / "cache",
            HERO_SOCKET_DIR=self.sockets,
            FORGEJO_URL=(self.folder / "mirror").as_uri(),
        )
        return Command((str(self.bench.context.hero), *arguments), env, self.folder)

    def end_supervisor(self) -> None:
        """End the supervisord that hero-build started for this root; the services are stopped already."""
        pid = int((self.folder / "root" / "var" / "hero_build" / "supervisord" / "supervisord.pid").read_text())
        os.kill(pid, signal.SIGTERM)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.05)

    def run(self, *arguments: str) -> float:
        return seconds(self.command(*arguments))


@contextmanager
def service_root(bench: Bench, binaries: dict[str, tuple[str, ...]]) -> Iterator[ServiceRoot]:
    with scratch("services") as folder:
        root = ServiceRoot(bench, folder, binaries)
        try:
            yield root
        finally:
            root.run("stop", "@bench")
            root.end_supervisor()


def _write_recipes(folder: Path, binaries: dict[str, tuple[str, ...]]) -> None:
    folder.mkdir(parents=True)
    for app, names in binaries.items():
        makers = ", ".join(f'{name.rpartition("_")[2]}("{name}")' for name in names)
        (folder / f"{app}.py").write_text(_RECIPE.format(app=app, binaries=makers))
    (folder / "_sets.py").write_text(f'"""All of them."""\n\nSETS = {{"bench": {tuple(binaries)!r}}}\n')


def _release(mirror: Path, app: str, names: Sequence[str], tag: str) -> None:
    files = {f"{name}-linux-{_ARCH}-gnu": compiled(name, tag) for name in names}
    digests = {asset: hashlib.sha256(path.read_bytes()).hexdigest() for asset, path in files.items()}
    sums = mirror.parent / "SHA256SUMS"
    sums.write_text("".join(f"{digest}  {asset}\n" for asset, digest in digests.items()))
    digests[sums.name] = hashlib.sha256(sums.read_bytes()).hexdigest()
    paths = {**files, sums.name: sums}
    assets = tuple(
        Asset(name, url=path.as_uri(), size=path.stat().st_size, id=digests[name], sha256=digests[name])
        for name, path in paths.items()
    )
    release = Release("", repo=f"bench/{app}", tag=tag, assets=assets, created="2026-01-01T00:00:00Z")
    publish(mirror, release, paths, latest=True)


def compiled(name: str, tag: str) -> Path:
    """bench/daemon.c under this name: its name decides which socket it listens on."""
    source = CHECKOUT / "bench" / "daemon.c"
    key = hashlib.sha256(source.read_bytes() + tag.encode()).hexdigest()[:12]
    folder = WORLD.parent / "bench-daemons" / key
    if not (program := folder / "daemon").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-O2", f'-DBENCH_VERSION="{tag}"', str(source), "-o", str(program)], check=True)
    path = folder / name
    if not path.exists():
        path.hardlink_to(program)
    return path
