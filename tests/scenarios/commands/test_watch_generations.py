"""How another program notices a new generation: `current` is moved into the folder of the state, once for each."""

import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from hero_build import manifest
from support.worlds import World

pytestmark = pytest.mark.usefixtures("two_apps")
IN_MOVED_TO, IN_NONBLOCK = 0x80, 0o4000
HEAD = struct.Struct("iIII")  # wd, mask, cookie, length of the name


class Watch:
    """inotify(7) on one folder, for files that are moved there."""

    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = libc.inotify_init1(IN_NONBLOCK)
        assert self.descriptor >= 0
        assert libc.inotify_add_watch(self.descriptor, os.fsencode(folder), IN_MOVED_TO) >= 0

    def names(self) -> list[str]:
        """Those that arrived since the last call."""
        names, data = [], b""
        try:
            data = os.read(self.descriptor, 1 << 16)
        except BlockingIOError:
            return []
        while data:
            length = HEAD.unpack_from(data)[3]
            names.append(data[HEAD.size : HEAD.size + length].rstrip(b"\0").decode())
            data = data[HEAD.size + length :]
        return names


@pytest.fixture
def watch(world: World) -> Iterator[Watch]:
    world.root.state.mkdir(parents=True)
    created = Watch(world.root.state)
    yield created
    os.close(created.descriptor)


def test_one_event_for_each_generation_and_none_without(world: World, watch: Watch) -> None:
    for words, number in (
        (("install", "db", "--version", "v1"), 1),
        (("install", "@both"), 2),
        (("rollback", "1"), 3),
        (("uninstall", "db"), 4),
    ):
        world.ok(*words)
        assert watch.names().count("current") == 1
        assert manifest.load(world.root.path).number == number
    world.ok("install", "web")
    watch.names()
    for quiet in (("install", "web"), ("install", "db", "-n"), ("status",), ("verify",), ("gc",)):
        world.run(*quiet)
        assert "current" not in watch.names(), quiet


def test_what_show_says_about_services(world: World) -> None:
    """Which programs start, which another starts, and where they listen."""
    path = world.recipe("kit", needs='("db",)')
    text = path.read_text().replace("import Recipe, cli", "import Recipe, cli, install_only, server")
    path.write_text(text.replace('cli("kit"),', 'server("kit_server"), install_only("kit-backend"), cli("kit"),'))
    document = world.run("show", "kit", "--json", env={"HERO_SOCKET_DIR": "/run/hero"}).document
    assert document["needs"] == ["db"]
    shown = {item["name"]: (item["kind"], item["install_only"], item["sockets"][:1]) for item in document["binaries"]}
    assert shown == {
        "kit_server": ("server", False, ["/run/hero/kit/rpc.sock"]),
        "kit-backend": ("cli", True, []),
        "kit": ("cli", False, []),
    }
