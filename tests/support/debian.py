"""A bare Debian 12 machine for tests: a root directory with one user, who may use sudo, and nothing else installed.

    machine = debian.machine(folder)
    done = machine.run("sudo apt install git")            # in a login shell of the user `you`
    other = machine.copy(folder)                          # begins with all that this one has now

debootstrap makes the system once; it stays in cache/debian12/ as an archive, under a digest of what went into it, and
so does what apt installs. Packages come from where this machine's own apt and pip find them. The network is this
machine's: a server on loopback is reached.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.processes import LONG, children
from support.worlds import REPO, Done

CACHE = REPO / "cache" / "debian12"
SUITE = "bookworm"
USER, UID = "you", "1000"
HOME = f"/home/{USER}"
AUTHORITIES = "/opt/authorities.pem"
_SCRIPT = "/opt/script"
_TAR = ("tar", "--xattrs", "--xattrs-include=*", "--numeric-owner")  # overlayfs keeps deletions in attributes
_FIRST = f"""
useradd --create-home --shell /bin/bash --uid {UID} {USER}
echo '{USER} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{USER}
echo 'APT::Get::Assume-Yes "true";' > /etc/apt/apt.conf.d/90yes
rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
"""
_MOUNT = """
lower=$1 upper=$2 work=$3 root=$4 user=$5; shift 5
# one after the other: the kernel makes $work/work anew at each mount, and two of one machine may come together
flock "$upper.lock" mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"  # its own: what root does there must not reach this machine's devices
for device in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "$root/dev/${device%:*}" c 1 "${device#*:}"; done
mknod -m 666 "$root/dev/tty" c 5 0
mkdir -m 755 "$root/dev/pts"; mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mkdir -m 1777 "$root/dev/shm"; mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"; ln -s /proc/self/fd "$root/dev/fd"
for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${number%:*}" "$root/dev/${number#*:}"; done
while [ "$1" != -- ]; do mount --bind "$1" "$root/$2"; mount -o remount,bind,ro "$root/$2"; shift 2; done
shift
exec chroot --userspec="$user" "$root" "$@"
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """Its files are `lower`, the lowest last, under those that it has changed itself, in `folder/upper`."""

    folder: Path
    lower: Sequence[Path]
    key: str
    binds: Mapping[str, Path] = field(default_factory=dict)

    def run(self, script: str, **environ: str) -> Done:
        """Run a script in a login shell of the user; what it wrote is in `out`, errors included."""
        done = subprocess.run(
            self._command(script, environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1800,
        )
        return Done(done.returncode, done.stdout, "")

    @contextmanager
    def running(self, script: str, log: Path, **environ: str) -> Iterator["subprocess.Popen[bytes]"]:
        """The same beside others, until the block ends; what it writes is in `log`."""
        ours, theirs = os.pipe()
        with log.open("wb") as out:
            child = subprocess.Popen(
                self._command(script, environ), stdin=subprocess.DEVNULL, stdout=out, stderr=out, pass_fds=(theirs,)
            )
        os.close(theirs)
        try:
            yield child
        finally:
            for first in children(child.pid):
                os.kill(first, signal.SIGKILL)  # and with it all others: they are in a process namespace of its own
            child.wait(LONG)
            os.read(ours, 1)  # until the last of them has ended
            os.close(ours)

    def install(self, script: str) -> None:
        """Run a script that only installs packages, or unpack what it made before."""
        archive = CACHE / f"{_digest(self.key, script)}.tar"
        if not script:
            return
        with _alone():
            made = archive.exists()
            if not made:
                self._run_ok(script)
                _pack(archive, self.folder / "upper")
        if made:
            _unpack(archive, self.folder / "upper")

    def copy(self, folder: Path) -> "Machine":
        """A machine that begins with what this one has now; what this one changes later is undefined there."""
        return _machine(folder, (self.folder / "upper", *self.lower), self.key, self.binds)

    def bound(self, binds: Mapping[str, Path]) -> "Machine":
        """The same machine with files and folders of this one, which it can read, at the places that are the keys."""
        for place, path in binds.items():
            made = self.folder / "upper" / place.lstrip("/")
            made.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                made.mkdir()
            else:
                made.touch()
            if place.startswith(HOME):
                os.chown(made.parent, int(UID), int(UID))
        return Machine(self.folder, self.lower, self.key, {**self.binds, **binds})

    def _command(self, script: str, environ: Mapping[str, str]) -> Sequence[str]:
        written = self.folder / f"script-{_digest(script)}"
        written.write_text(script)
        binds = [word for place, path in {**self.binds, _SCRIPT: written}.items() for word in (str(path), place)]
        shell = ["env", "-i", *(f"{name}={text}" for name, text in self._environ(environ).items()), "bash", "-l"]
        mounts = (":".join(map(str, self.lower)), self.folder / "upper", self.folder / "work", self.folder / "root")
        command = ["bash", "-ec", _MOUNT, "debian", *map(str, mounts), USER, *binds, "--", *shell, _SCRIPT]
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", *command]

    def _run_ok(self, script: str) -> None:
        done = self.run(f"set -e\n{script}")
        assert done.code == 0, done.out

    def _environ(self, more: Mapping[str, str]) -> Mapping[str, str]:
        trust = dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE"), AUTHORITIES)
        names = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "UV_INDEX_URL", "UV_DEFAULT_INDEX")
        index = {name: os.environ[name] for name in names if name in os.environ}
        return {"HOME": HOME, "USER": USER, "LANG": "C.UTF-8", "TERM": "dumb", **trust, **index, **more}


def machine(folder: Path) -> Machine:
    """Debian as it is after a minimal installation. Skipped where this cannot be."""
    _must_be_possible()
    base = CACHE / f"{base_key()}.tar"
    with _alone():
        if not base.exists():
            _bootstrap(base)
    _unpack(base, folder / "base")
    return _machine(folder / "first", (folder / "base",), base.stem, _own_binds(folder))


def base_key() -> str:
    """Of what decides the files of a bare machine."""
    return _digest(SUITE, _FIRST)


def _own_binds(folder: Path) -> Mapping[str, Path]:
    """The name servers and the certificate authorities of this machine."""
    (folder / "hosts").write_text(f"127.0.0.1 localhost {os.uname().nodename}\n")
    names = {"/etc/resolv.conf": Path("/etc/resolv.conf"), "/etc/hosts": folder / "hosts"}
    return {**names, AUTHORITIES: Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))}


def _machine(folder: Path, lower: Sequence[Path], key: str, binds: Mapping[str, Path]) -> Machine:
    for name in ("upper", "work", "root"):
        (folder / name).mkdir(parents=True)
    return Machine(folder, tuple(lower), key, binds)


def _must_be_possible() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a root directory for another system")
    if not shutil.which("debootstrap"):
        pytest.skip("debootstrap is not installed")


@contextmanager
def _alone() -> Iterator[None]:
    """One process at a time makes an archive: workers that share an empty cache come to it together."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _bootstrap(base: Path) -> None:
    folder = base.with_suffix(".part")
    shutil.rmtree(folder, ignore_errors=True)
    (CACHE / "lists/partial").mkdir(parents=True, exist_ok=True)
    _apt_get("-qq", "update")
    source = _targets("$(REPO_URI)", f"Codename: {SUITE}")[0]
    _run("debootstrap", "--variant=minbase", "--include=sudo", SUITE, str(folder), source)
    lines = _targets("deb $(REPO_URI) $(RELEASE) $(COMPONENT)", "Origin: Debian")
    (folder / "etc/apt/sources.list").write_text("".join(f"{line}\n" for line in dict.fromkeys(lines)))
    acquire = [line for line in _run("apt-config", "dump").splitlines() if line.startswith("Acquire::")]
    (folder / "etc/apt/apt.conf.d/90acquire").write_text("".join(f"{line}\n" for line in acquire))
    for place in ("etc/resolv.conf", "etc/hosts", AUTHORITIES.lstrip("/"), _SCRIPT.lstrip("/")):
        (folder / place).touch()
    _run("chroot", str(folder), "bash", "-ec", _FIRST)
    _pack(base, folder)
    shutil.rmtree(folder)


def _targets(text: str, *filters: str) -> Sequence[str]:
    """What this machine's apt knows of its sources, one line for each list of packages."""
    return _apt_get("indextargets", "--format", text, "Created-By: Packages", *filters).splitlines()


def _apt_get(*words: str) -> str:
    """With lists of its own: this machine's may be locked, by another apt-get, at any time."""
    return _run("apt-get", "-o", f"Dir::State::Lists={CACHE / 'lists'}", *words)


def _pack(archive: Path, folder: Path) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    part = archive.with_suffix(".tar.part")
    _run(*_TAR, "--create", "--file", str(part), "--directory", str(folder), "--exclude=./var/cache/apt/*.bin", ".")
    part.replace(archive)


def _unpack(archive: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _run(*_TAR, "--extract", "--preserve-permissions", "--file", str(archive), "--directory", str(folder))


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:24]


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return done.stdout
