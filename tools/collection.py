"""Build the Ansible collection hero.os: `make collection` writes dist/hero-os-VERSION.tar.gz.

    python -m tools.collection [FOLDER]

ansible-core and ansible-lint have an environment of their own, made once in cache/ansible/ from
deploy/ansible/requirements.txt.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
SOURCE = CHECKOUT / "deploy" / "ansible"
CACHE = CHECKOUT / "cache" / "ansible"
REQUIREMENTS = SOURCE / "requirements.txt"
SANITY = ("ansible-test", "sanity", "--color", "no", "--python", f"{sys.version_info[0]}.{sys.version_info[1]}")
_BOOTSTRAP = ".ansible/test/cache/get_pip_24_2.py"
_READY = ".ready"


def programs() -> Path:
    """The folder with ansible-playbook, ansible-galaxy, ansible-test and ansible-lint."""
    text = f"{sys.version_info}{REQUIREMENTS.read_text()}"
    folder = CACHE / f"venv-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    with _locked():
        if not (folder / _READY).exists():
            for old in CACHE.glob("venv-*"):
                shutil.rmtree(old)
            _run(sys.executable, "-m", "venv", str(folder))
            _run(str(folder / "bin" / "pip"), "install", "--quiet", "--require-hashes", "-r", str(REQUIREMENTS))
            (folder / _READY).touch()
    return folder / "bin"


def environ() -> dict[str, str]:
    """That of ansible-test and ansible-lint, which keep what they install in their home folder, in cache/."""
    home = CACHE / "home"
    bootstrap = home / _BOOTSTRAP
    bootstrap.parent.mkdir(parents=True, exist_ok=True)
    bootstrap.write_text(
        "import ensurepip\n\nensurepip.bootstrap()\n"
    )  # in place of a script from a server of Ansible's
    path = f"{programs()}:{os.environ['PATH']}"
    return {**os.environ, "HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def build(folder: Path) -> Path:
    """The collection's archive, written into `folder`."""
    return _build(str(programs() / "ansible-galaxy"), folder)


def _build(galaxy: str, folder: Path) -> Path:
    _run(galaxy, "collection", "build", "--force", "--output-path", str(folder), str(SOURCE))
    (archive,) = folder.glob("hero-os-*.tar.gz")
    return archive


def installed() -> Path:
    """The folder with the collection, as ansible-galaxy installs it: made once for its content, in cache/ansible/."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes())
    for path in sorted(path for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        digest.update(f"\0{path.relative_to(SOURCE)}\0".encode() + path.read_bytes())
    folder = CACHE / f"collection-{digest.hexdigest()[:16]}"
    galaxy = str(programs() / "ansible-galaxy")
    with _locked():
        if not (folder / _READY).exists():
            for old in CACHE.glob("collection-*"):
                shutil.rmtree(old)
            with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
                archive = _build(galaxy, Path(scratch))
                _run(galaxy, "collection", "install", str(archive), "--offline", "-p", str(folder), home=Path(scratch))
            (folder / _READY).touch()
    return folder


def prepare() -> None:
    """Run `ansible-test sanity` once, so that it has installed what its checks need."""
    with tempfile.TemporaryDirectory(prefix="hero-collection-") as name:
        copy = Path(name) / "ansible_collections" / "hero" / "os"
        shutil.copytree(SOURCE, copy)
        subprocess.run(SANITY, cwd=copy, env=environ(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


@contextmanager
def _locked() -> Iterator[None]:
    """Of several that come at once, one makes the environment."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(*command: str, home: Path | None = None) -> None:
    environ = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if home is not None:
        environ |= {"ANSIBLE_HOME": str(home), "ANSIBLE_COLLECTIONS_PATH": str(home)}
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")


def main() -> None:
    folder = Path(sys.argv[1]) if sys.argv[1:] else CHECKOUT / "dist"
    folder.mkdir(parents=True, exist_ok=True)
    sys.stdout.write(f"{build(folder)}\n")


if __name__ == "__main__":
    main()
