"""Real machines for tests: systemd as PID 1 in systemd-nspawn, with sshd, Python, cloud-init and hero-build.

    pytestmark = machines.marks

    with machines.machine("vm1", folder) as vm:        # booted; it ends with the block
        done = vm.run("systemctl is-active ssh")       # a script, as root, in a login shell
        vm.put(path, "/srv/mirror")                    # a file, or a folder with all that is in it
        vm.ssh_options, vm.port                        # for ssh and Ansible: root@127.0.0.1
        vm.reboot(), vm.kill_init(), vm.power_cut()    # the disk stays; after the last two: vm.boot()

Each has the layers of machine_base.py under what it has written itself (`folder/NAME/upper`), its own cgroup, /tmp and
/dev. The network is that of this machine, so a server on loopback is reached, unless `private`: then it has loopback
alone. hero-build is /opt/hero-build/bin/hero-build. `seed` is what cloud-init finds at the first boot (NoCloud);
without it cloud-init does not run. Where the kernel does not allow such machines the test is skipped with the reason.
"""

import functools
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support import cgroups, machine_base
from support.ports import free_port
from support.processes import LONG, children, descendants, until
from support.worlds import Done

marks = [pytest.mark.slow, pytest.mark.timeout(1800)]
"""The first test of all may have to make what the machines begin with."""
SEED = "var/lib/cloud/seed/nocloud"
_REBOOTS = 133  # what systemd-nspawn --keep-unit ends with
_BOOTED = ("running", "degraded")
_MOUNT = """
lower=$1 upper=$2 work=$3 root=$4 cgroup=$5; shift 5
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" "$root"
echo $$ > "$cgroup/cgroup.procs"
exec "$@"
"""
_NSPAWN = "--quiet --boot --register=no --keep-unit --resolv-conf=off --timezone=off --link-journal=no --console=pipe"
_SSHD = "Port {port}\nListenAddress 127.0.0.1\nUseDNS no\nAuthorizedKeysFile /etc/ssh/keys .ssh/authorized_keys\n"
_HOST_KEY = (
    "/bin/sh -c 'cd /etc/ssh && (ls ssh_host_*_key || ssh-keygen -q -t ed25519 -N \"\" -f ssh_host_ed25519_key)'"
)
_CLOUD = "datasource_list: [NoCloud, None]\nssh_genkeytypes: [ed25519]\nlocale: false\nno_ssh_fingerprints: true\n"
"""An image of a machine has what saves time at its first boot: one kind of host key, no locale."""
_ENVIRON = {
    "HOME": "/root",
    "USER": "root",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}


@dataclass(slots=True)
class Machine:
    """`leader`: its PID 1 as seen from outside, 0 while it is off."""

    name: str
    folder: Path
    cgroup: Path
    port: int
    private: bool = False
    bare: bool = False
    leader: int = 0
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    @property
    def ssh_options(self) -> Sequence[str]:
        """Those of ssh, scp and sftp, all but the port."""
        settings = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes")
        return (
            "-F",
            "none",
            "-i",
            str(_key(self.folder.parent)),
            *(word for item in settings for word in ("-o", item)),
        )

    def boot(self, *, wait: bool = True) -> None:
        """Switch it on, and wait until all of its units have started; not `wait`: until its systemd answers."""
        assert self._process is None
        self._process = self._start()
        assert until(lambda: self._off() or self._find_leader()), self.log
        assert not self._off(), self.log
        assert until(lambda: self._state() != ""), self.log
        if wait:
            assert self.booted(), f"{self.run('systemctl list-jobs').out}\n{self.log}"

    def booted(self) -> bool:
        """Wait until all units have started, or failed."""
        return self._state("--wait") in _BOOTED

    def reboot(self, *, wait: bool = True) -> None:
        """As a person does it: its units are stopped first."""
        assert self._process is not None
        self.run("systemctl reboot")
        assert self._process.wait(2 * LONG) == _REBOOTS, self.log
        self._forget()
        self.boot(wait=wait)

    def kill_init(self) -> None:
        """SIGKILL to its PID 1, as a panic of the kernel would be; all others die with it."""
        assert self._process is not None
        os.kill(self.leader, signal.SIGKILL)
        self._process.wait(LONG)
        self._forget()

    def power_cut(self) -> None:
        """Everything ends at once. Not simulated: the loss of what was written and not yet synced."""
        if self._process is None:
            return
        for child in children(self._process.pid):
            os.kill(child, signal.SIGKILL)  # PID 1 of a namespace that holds all of the machine
        self._process.wait(LONG)
        self._forget()

    def run(self, script: str, **environ: str) -> Done:
        """Run a script inside, as root, in a login shell; what it wrote is in `out`, errors included."""
        words = [f"{name}={text}" for name, text in {**_ENVIRON, **environ}.items()]
        command = ["nsenter", "-t", str(self.leader), "-a", "env", "-i", "-C", "/root", *words, "bash", "-lc", script]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        return Done(done.returncode, done.stdout, "")

    def ok(self, script: str, **environ: str) -> str:
        """The same, which must end with 0: what it wrote."""
        done = self.run(script, **environ)
        assert done.code == 0, done.out
        return done.out

    def ssh(self, command: str) -> Done:
        """Run a command through its sshd, as root."""
        words = ["ssh", *self.ssh_options, "-p", str(self.port), "root@127.0.0.1", command]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        return Done(done.returncode, done.stdout, done.stderr)

    def put(self, source: Path, place: str) -> None:
        """Copy a file, or a folder with what is in it, to a place inside; also before the first boot."""
        target = self.path(place)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)

    def write(self, place: str, text: str, mode: int = 0o644) -> None:
        path = self.path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def path(self, place: str) -> Path:
        """Where a file of the machine is, seen from outside. Of one that is off: where it would have written it."""
        if self.leader:
            return Path(f"/proc/{self.leader}/root") / place.lstrip("/")
        made = self.folder / "upper" / place.lstrip("/")
        self._like_below(made.parent)
        return made

    def _like_below(self, folder: Path) -> None:
        """Create a folder of the upper layer, with the mode that it has in the layers below."""
        if folder.is_dir():
            return
        self._like_below(folder.parent)
        folder.mkdir()
        below = (layer / folder.relative_to(self.folder / "upper") for layer in machine_base.layers(bare=self.bare))
        if (same := next((path for path in below if path.is_dir()), None)) is not None:
            folder.chmod(same.stat().st_mode)

    def _start(self) -> "subprocess.Popen[bytes]":
        layers = ":".join(str(path) for path in machine_base.layers(bare=self.bare))
        places = [str(self.folder / name) for name in ("upper", "work", "root")]
        mount = ["sh", "-ec", _MOUNT, "machine", layers, *places, str(self.cgroup)]
        nspawn = ["systemd-nspawn", *_NSPAWN.split(), f"--machine={self.name}", f"--directory={self.folder / 'root'}"]
        network = ["--private-network"] if self.private else []
        # the end of this thread ends the machine; its mounts are in a namespace of their own, and end with it
        outer = ["setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*outer, *mount, *nspawn, *network],
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_NSPAWN_LOCK": "0"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _off(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _find_leader(self) -> bool:
        assert self._process is not None
        leaders = (pid for pid in descendants(self._process.pid) if _is_leader(pid))
        self.leader = next(leaders, 0)
        return self.leader != 0

    def _forget(self) -> None:
        self._process, self.leader = None, 0

    def _state(self, *words: str) -> str:
        text = self.run(f"systemctl is-system-running {' '.join(words)} 2>/dev/null").out.strip()
        return text if text in (*_BOOTED, "initializing", "starting", "maintenance", "stopping") else ""


def missing() -> str:
    """Why no machine can be started here; empty if one can."""
    if os.geteuid() != 0:
        return "this machine forbids it: only root can start a machine"
    for program in ("systemd-nspawn", "debootstrap"):
        if not shutil.which(program):
            return f"{program} is not installed"
    if cgroups.hierarchy() is None:
        return "this machine forbids it: no cgroup2 hierarchy is mounted that may be written"
    return _forbidden()


@functools.cache
def _forbidden() -> str:
    overlay = "mount -t tmpfs t /mnt; cd /mnt; mkdir l u w r; mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w r"
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--cgroup", "--uts", "--ipc", "--net", "sh", "-ec", overlay]
    done = subprocess.run(namespaces, capture_output=True, text=True)
    return f"this machine forbids it: {done.stderr.strip()}" if done.returncode else ""


@contextmanager
def machine(
    name: str,
    folder: Path,
    *,
    private: bool = False,
    bare: bool = False,
    seed: Mapping[str, str] | None = None,
    boot: bool = True,
) -> Iterator[Machine]:
    """A new machine, booted unless it is not to be: with `seed` its systemd answers and cloud-init is at work.

    `bare`: it has no hero-build.
    """
    if reason := missing():
        pytest.skip(reason)
    with ExitStack() as stack:
        cgroup = stack.enter_context(cgroups.own(name))
        made = Machine(name, folder=folder / name, cgroup=cgroup, port=free_port(), private=private, bare=bare)
        for part in ("upper", "work", "root"):
            (made.folder / part).mkdir(parents=True)
        stack.callback(shutil.rmtree, made.folder, ignore_errors=True)
        stack.callback(made.power_cut)
        for place, text in _first_files(made, seed or {}).items():
            made.write(place, text)
        if boot:
            made.boot(wait=not seed)
        yield made


def _first_files(made: Machine, seed: Mapping[str, str]) -> Mapping[str, str]:
    meta = f"instance-id: {made.name}-{uuid.uuid4()}\nlocal-hostname: {made.name}\n"
    return {
        "etc/machine-id": f"{uuid.uuid4().hex}\n",
        "etc/hostname": f"{made.name}\n",
        "etc/hosts": f"127.0.0.1 localhost {made.name}\n",
        "etc/ssh/keys": _key(made.folder.parent).with_suffix(".pub").read_text(),
        "etc/ssh/sshd_config.d/machine.conf": _SSHD.format(port=made.port),
        "etc/systemd/system/ssh.service.d/host-key.conf": f"[Service]\nExecStartPre=\nExecStartPre={_HOST_KEY}\n",
        **({"etc/cloud/cloud.cfg.d/95_machine.cfg": _CLOUD} if seed else {"etc/cloud/cloud-init.disabled": ""}),
        **{f"{SEED}/{name}": text for name, text in ({"meta-data": meta, **seed} if seed else {}).items()},
    }


def _key(folder: Path) -> Path:
    """The private key that opens the machines of a folder."""
    key = folder / "id_ed25519"
    if not key.exists():
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tests", "-f", str(key)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return key


def _is_leader(pid: int) -> bool:
    """The first process of the namespace that systemd-nspawn made in that of the machine, once it is systemd."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    (numbers,) = (line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
    return len(numbers) > 2 and numbers[-1] == "1" and status.splitlines()[0].split()[1] == "systemd"
