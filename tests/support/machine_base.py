"""What the machines of machines.py have on their disks before they boot: layers of an overlay, made once.

    packages()    # a bare Debian with systemd, sshd, Python, cloud-init, and in /opt/hero-build its requirements
    tool()        # hero-build itself there, from the wheel of this checkout
    wheel()       # that wheel

They stay in cache/machines/ under a digest of what went into them. The first time takes minutes; of several test
processes that come at once, one makes them and the others wait.
"""

import fcntl
import functools
import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support import debian
from support.worlds import REPO

CACHE = REPO / "cache" / "machines"
VENV = "/opt/hero-build"
COMMAND = f"{VENV}/bin/hero-build"
_PACKAGES = "systemd systemd-sysv dbus openssh-server openssh-sftp-server python3-venv cloud-init iproute2 procps"
_SETUP = f"""
sudo apt-get -qq update
sudo DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends {_PACKAGES}
sudo rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /usr/share/doc
sudo install -d -o $(id -u) {VENV}
python3 -m venv {VENV}
{VENV}/bin/pip install --quiet --require-hashes -r /opt/requirements.txt
sudo chown -R root: {VENV}
sudo rm -f /etc/machine-id /etc/ssh/ssh_host_*
sudo systemctl disable getty@tty1 console-getty apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer
"""
_SCRIPT = f"""#!{VENV}/bin/python
import sys
from hero_build.cli import run
sys.exit(run())
"""
_IN_WHEEL = ("hero_build", "recipes", "docs/man", "pyproject.toml", "README.md", "LICENSE")


def layers(*, bare: bool = False) -> Sequence[Path]:
    """The folders that a machine begins with, the uppermost first; `bare`: without hero-build."""
    return packages() if bare else (tool(), *packages())


@functools.cache
def packages() -> Sequence[Path]:
    requirements = REPO / "requirements.txt"
    folder = CACHE / f"packages-{_digest(debian.base_key(), _SETUP, requirements.read_text())}"
    with _locked("packages"):
        if not folder.is_dir():
            with _made(folder) as part:
                machine = debian.machine(part).bound({"/opt/requirements.txt": requirements})
                done = machine.run(f"set -e\n{_SETUP}")
                assert done.code == 0, done.out
    return (folder / "first" / "upper", folder / "base")


@functools.cache
def tool() -> Path:
    built = wheel()
    folder = CACHE / f"tool-{_digest(built.parent.name, packages()[0].parent.parent.name)}"
    with _locked("tool"):
        if not folder.is_dir():
            with _made(folder) as part:
                _unpack(built, part / VENV.lstrip("/"))
    return folder


@functools.cache
def wheel() -> Path:
    folder = CACHE / f"wheel-{_digest(*_sources())}"
    with _locked("wheel"):
        if not folder.is_dir():
            with _made(folder) as part:
                command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(part), str(REPO)]
                done = subprocess.run(command, capture_output=True, text=True)
                assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


def _unpack(built: Path, venv: Path) -> None:
    """As pip lays it out in the virtual environment of `packages()`."""
    (python,) = (packages()[0] / VENV.lstrip("/") / "lib").glob("python3*")
    site = venv / "lib" / python.name / "site-packages"
    with zipfile.ZipFile(built) as archive:
        archive.extractall(site)
    for data in site.glob("*.data/data/share"):
        data.rename(venv / "share")
    script = venv / "bin" / "hero-build"
    script.parent.mkdir()
    script.write_text(_SCRIPT)
    script.chmod(0o755)
    link = venv.parents[1] / "usr/local/bin/hero-build"
    link.parent.mkdir(parents=True)
    link.symlink_to(COMMAND)
    compile_all = [sys.executable, "-m", "compileall", "-q", "-s", str(venv), "-p", VENV, str(site)]
    subprocess.run(compile_all, check=True)  # else each machine would do it


def _sources() -> Iterator[str]:
    for name in _IN_WHEEL:
        top = REPO / name
        paths = sorted(path for path in top.rglob("*") if path.is_file()) if top.is_dir() else [top]
        for path in paths:
            if "__pycache__" not in path.parts:
                yield str(path.relative_to(REPO))
                yield hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def _made(folder: Path) -> Iterator[Path]:
    """A folder that is there once it is complete; older ones of its kind, and unfinished ones, are deleted."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    yield part
    kind = folder.name.partition("-")[0]
    for old in CACHE.glob(f"{kind}-*"):
        if old != part and not _in_use(old):
            shutil.rmtree(old, ignore_errors=True)
    part.rename(folder)


def _in_use(folder: Path) -> bool:
    """Whether a machine that runs has it as a layer."""
    for mounts in Path("/proc").glob("[0-9]*/mounts"):
        try:
            if str(folder) in mounts.read_text():
                return True
        except OSError:
            continue
    return False


@contextmanager
def _locked(name: str) -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:24]
