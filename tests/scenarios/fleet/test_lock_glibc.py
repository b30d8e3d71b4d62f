"""A lock file from a machine with a newer glibc: what does not run here is refused, and what is installed stays."""

from pathlib import Path

import pytest

from hero_build.platforms import machine_arch
from hero_build.verify.expect import host_glibc
from support import mirrors, roots
from support.elf_files import dynamic_bytes, newer_glibc_bytes
from support.worlds import World

pytestmark = pytest.mark.skipif(host_glibc() is None, reason="this machine's C compiler makes no programs for glibc")
ASSET = f"old-linux-{machine_arch()}-gnu"


def test_an_older_glibc_keeps_what_it_has(two_apps: World, tmp_path: Path) -> None:
    world, first, newer = two_apps, tmp_path / "first.lock", tmp_path / "newer.lock"
    world.recipe("old", libc='"gnu"')
    mirrors.release(world.mirror, app="old", tag="v1", files={ASSET: dynamic_bytes(b"old v1\n")})
    world.ok("lock", "old", "web", "-o", str(first))
    world.ok("install", "--locked", str(first))
    before = roots.settled(world.root)
    mirrors.release(world.mirror, app="old", tag="v2", files={ASSET: newer_glibc_bytes()})
    world.ok("lock", "old", "db", "-o", str(newer))
    done = world.run("install", "old", "--locked", str(newer))
    assert (done.code, "needs GLIBC 9.99, and this machine has 2." in done.err) == (5, True)
    assert roots.settled(world.root) == before
    done = world.run("install", "--locked", str(newer), "--exact")
    assert (done.code, "needs GLIBC 9.99" in done.err) == (1, True)
    after = roots.settled(world.root)
    versions = {part.app: record.origin.tag for part, record in after.records.items()}
    assert versions == {"old": "v1", "web": "v1", "db": "v2"}, "nothing is removed, and the other app is installed"
    assert (before.lock is not None, after.lock) == (True, None)
    assert "nothing to do" not in world.ok("install", "--locked", str(first), "--exact"), "the first lock file again"
    assert {part.app for part in roots.settled(world.root).records} == {"old", "web"}
