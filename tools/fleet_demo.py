"""A tester from nothing to a healthy set, and a canary that fails and recovers, as `make fleet-demo` runs it.

Boots a machine (systemd-nspawn, as root) with nothing but user-data from `hero-build fleet cloud-init`, which finds its
mirror on this machine; then upgrades it to a set of which one service does not come up, and to a good one. What the
machine is made of stays in cache/; the machine and the mirror are removed. Exits with 1 at the first thing that is not
as it should be.
"""

import tempfile
import time
from pathlib import Path

from support import fleet_world, machines
from support.fleet_world import FleetWorld, hero, wait_until_healthy
from support.machines import Machine

APP = "hero_agent"


def main() -> None:
    if reason := machines.missing():
        raise SystemExit(f"The demo boots a machine, and {reason}.")
    with tempfile.TemporaryDirectory(prefix="fleet-demo-") as folder:
        say("A mirror with the apps of @tester, its lock file, and hero-build as a pack")
        with fleet_world.world(Path(folder) / "world") as fleet:
            fleet.up()
            seed = {"user-data": fleet.user_data("tester")}
            say("A new machine: Debian, and the user-data of `hero-build fleet cloud-init --set tester`")
            with machines.machine("tester", Path(folder), seed=seed, bare=True, boot=False) as vm:
                bring_up(vm)
                canary(vm, fleet)
    say("Done: the machine and the mirror are gone again.")


def bring_up(vm: Machine) -> None:
    began = time.monotonic()
    vm.boot(wait=False)
    wait_until_healthy(vm)
    services = hero(vm, "health @tester")["services"]
    say(f"{len(services)} services are healthy {time.monotonic() - began:.1f} s after the machine was switched on")
    show(vm, "status @tester")


def canary(vm: Machine, fleet: FleetWorld) -> None:
    """Upgrade a machine to a bad set, which it leaves by itself, and to a good one."""
    version = installed(vm)
    for tag, behaviour, code in (("v3.0.0", "exit:1", 9), ("v3.0.1", "", 0)):
        fleet.release(APP, tag, behaviour=behaviour)
        fleet.lock("canary", "@tester")
        fleet.serve_all()
        vm.put(fleet.world.mirror / "canary.lock", "/srv/canary.lock")
        say(f"Upgrade the canary: {APP} {tag}, which {'does not come up' if code else 'comes up'}")
        options = f"--locked /srv/canary.lock --at {fleet.url} --restart --rollback-on-failure"
        check(show(vm, f"install {options}") == code, f"exit code {code}")
        check(installed(vm) == (version if code else tag), f"{APP} {version if code else tag} is installed")
        wait_until_healthy(vm)
        say("All services are healthy")


def installed(vm: Machine) -> str:
    return str(hero(vm, f"status {APP}")["apps"][0]["version"])


def show(vm: Machine, command: str) -> int:
    """Run a command of the user, and print what it prints; its exit code."""
    done = vm.run(f"runuser -l hero -c 'hero-build {command}'")
    print(f"\n$ hero-build {command}\n{done.out}", flush=True)
    return done.code


def check(held: bool, what: str) -> None:
    if not held:
        raise SystemExit(f"not as it should be: {what}")


def say(text: str) -> None:
    print(f"\n== {text}", flush=True)


if __name__ == "__main__":
    main()
