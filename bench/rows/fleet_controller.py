"""What Ansible takes on the control node for each machine: the playbook `upgrade` over real ssh, to loopback."""

import os
import resource
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.bench import Bench
from bench.kinds import KINDS, PROGRAMS
from bench.result import HERO, Row, Target
from bench.scratch import scratch
from bench.server import free_port
from bench.watch import watched
from support import fleet_simulation
from support.ansible_fleet import Controller
from support.fleet_simulation import Simulation
from support.processes import until

MACHINES = 50
_CONFIG = (
    "ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/key.pub\nPidFile none\n"
)
_QUIET = "StrictModes no\nUsePAM no\nMaxStartups 200\nLogLevel ERROR\n"


def rows(bench: Bench) -> list[Row]:
    with scratch("controller") as folder:
        sim = fleet_simulation.made(folder / "many", count=MACHINES, program=(str(bench.context.hero),))
        with _sshd(folder) as port:
            first, changed = _play(_controller(sim, folder, port), sim, "A")
            with watched() as used:
                again, unchanged = _play(_controller(sim, folder, port), sim, "A")
    facts = (("each machine changes once, and no more", (changed, unchanged) == (MACHINES, 0)),)
    title = f"processor time of the control node for each of {MACHINES} machines, nothing to do"
    samples = {HERO: (again / MACHINES,), "install": (first / MACHINES,)}
    note = "ansible-playbook and its ssh, not what runs on the machines"
    return [
        Row(
            "fleet-controller",
            title=title,
            unit="s",
            samples=samples,
            targets=(Target(0.25),),
            facts=facts,
            notes=(note,),
            profile=_shares(used, again / MACHINES),
        )
    ]


def _shares(used: Mapping[str, float], whole: float) -> dict[str, float]:
    """By program: what was seen of each, as a part of the whole."""
    seen = {kind if kind in KINDS else PROGRAMS: 0.0 for kind in used}
    for kind, took in used.items():
        seen[kind if kind in KINDS else PROGRAMS] += took
    total = sum(seen.values())
    return {kind: round(whole * took / total, 5) for kind, took in seen.items() if took}


def _play(controller: Controller, sim: Simulation, name: str) -> tuple[float, int]:
    """Seconds of processor, and how many machines changed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = controller.play("upgrade", hero_lock=sim.lock(name))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run.code == 0, run.out
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, len(run.changed)


def _controller(sim: Simulation, folder: Path, port: int) -> Controller:
    """Each machine has a connection of its own, as machines have."""
    options = (
        "-F",
        "none",
        "-i",
        str(folder / "key"),
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "LogLevel=ERROR",
    )
    common = {
        "ansible_host": "127.0.0.1",
        "ansible_port": port,
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_pipelining": True,
        "ansible_ssh_common_args": f"{shlex.join(options)} -o ControlPath={folder}/c-{{{{ inventory_hostname }}}}",
        "hero_executable": str(_program(sim, folder)),
        "hero_at": sim.mirror.as_uri(),
        "hero_exact": False,
    }
    hosts = {f"m{number:04}": {"hero_root": str(sim.root(number))} for number in range(sim.count)}
    return Controller(folder, hosts, common, {"ANSIBLE_FORKS": "8"})


def _program(sim: Simulation, folder: Path) -> Path:
    path = folder / "hero-build"
    (program,) = sim.program
    path.write_text(f'#!/bin/sh\nexport HERO_RECIPES={sim.world.recipes}\nexec {program} "$@"\n')
    path.chmod(0o755)
    return path


@contextmanager
def _sshd(folder: Path) -> Iterator[int]:
    """A server of this user on loopback; yields its port."""
    for name in ("host", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    port = free_port()
    (folder / "sshd").write_text(_CONFIG.format(port=port, folder=folder) + _QUIET)
    os.makedirs("/run/sshd", exist_ok=True)
    with subprocess.Popen(
        ["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "sshd")], stderr=subprocess.DEVNULL
    ) as child:
        try:
            assert until(lambda: child.poll() is not None or _answers(port))
            yield port
        finally:
            child.terminate()


def _answers(port: int) -> bool:
    words = ["ssh-keyscan", "-p", str(port), "127.0.0.1"]
    return bool(subprocess.run(words, capture_output=True, text=True).stdout)
