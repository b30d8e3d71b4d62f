"""What hardened units may write, with a real systemd: the same probe with the options of each, and without any."""

import tempfile
from pathlib import Path

from hero_build.fleet.units import HARDENED
from hero_build.server.unit import hardened
from support import systemd_container
from support.systemd_container import Container

ROOT = "/srv/hero"
PLACES = ("/etc", "/etc/systemd/system", "/var", "/root", ROOT)


def writable(container: Container, name: str, options: str) -> list[str]:
    """The places where a unit with these options can make a file."""
    tries = "; ".join(f"touch {place}/probe 2>/dev/null && echo {place} >> {ROOT}/{name}" for place in PLACES)
    text = f"[Service]\nType=oneshot\n{options}ExecStart=/bin/sh -c '{tries}; true'\n"
    (container.units / f"probe-{name}.service").write_text(text)
    for words in (("daemon-reload",), ("start", f"probe-{name}.service")):
        done = container.run("systemctl", *words)
        assert done.returncode == 0, done.stderr
    return container.run("cat", f"{ROOT}/{name}").stdout.split()


def test_a_hardened_unit_writes_to_its_own_folders_alone() -> None:
    with tempfile.TemporaryDirectory(prefix="hs-") as folder, systemd_container.running(Path(folder)) as container:
        assert container.run("mkdir", "-p", ROOT).returncode == 0
        assert writable(container, "free", "") == list(PLACES)
        server = hardened(is_system=True, writable=["/etc/systemd/system"])
        assert writable(container, "server", server) == [place for place in PLACES if place != "/etc"]
        fleet = HARDENED.format(home="yes", writable=ROOT).replace("PrivateDevices=yes\n", "")
        assert writable(container, "fleet", fleet) == [ROOT], "without devices, which a container may not make"
