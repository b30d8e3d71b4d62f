"""A program that this machine cannot start is not installed."""

import pytest

from hero_build.platforms import machine_arch
from hero_build.verify.expect import host_glibc
from support import mirrors
from support.elf_files import dynamic_bytes
from support.worlds import World

ARCH = machine_arch()
MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}[ARCH]
MUSL = f"/lib/ld-musl-{MACHINE}.so.1"
V1 = b"db v1\n"
pytestmark = pytest.mark.skipif(host_glibc() is None, reason="this machine's C compiler makes no programs for glibc")


def release(world: World, libc: str, content: bytes) -> None:
    world.recipe("db", libc=f'"{libc}"')
    mirrors.release(world.mirror, app="db", tag="v1", files={f"db-linux-{ARCH}-{libc}": content})


def test_a_dynamic_musl_program_without_its_loader_is_refused(world: World) -> None:
    release(world, "musl", dynamic_bytes(V1, MUSL, b"MUSL"))
    done = world.run("install", "db", "--mode", "download")
    assert done.code == 5
    assert f"asks for the loader {MUSL}, which this machine does not have" in done.err
    assert not world.root.current.exists()


@pytest.mark.skipif(ARCH != "amd64", reason="programs of x86-64 need GLIBC_2.2.5")
def test_a_version_name_that_this_libc_lacks_is_refused(world: World) -> None:
    release(world, "gnu", dynamic_bytes(V1, version=b"GLIBC_ABI_Z"))
    done = world.run("install", "db", "--mode", "download")
    assert (done.code, "needs GLIBC_ABI_Z of libc.so.6" in done.err) == (5, True)
    release(world, "gnu", dynamic_bytes(V1))
    assert "db v1" in world.ok("install", "db", "--mode", "download")


def test_a_two_part_suffix_is_a_name_that_a_recipe_gives(world: World) -> None:
    """Releases from before the libc was in names: `db-linux-amd64`, in docs/recipes.md."""
    recipe = world.recipe("db", libc='"gnu"')
    name = "    def asset_name(self, artifact, name, platform):\n"
    recipe.write_text(f'{recipe.read_text()}\n{name}        return f"{{name}}-{{platform.os}}-{{platform.arch}}"\n')
    files = {f"db-linux-{ARCH}": dynamic_bytes(V1)}
    mirrors.release(world.mirror, app="db", tag="v1", files=files)
    assert "db v1" in world.ok("install", "db", "--mode", "download")
    mirrors.release(world.mirror, app="db", tag="v2", files={f"db-linux-{ARCH}": dynamic_bytes(V1, MUSL)})
    done = world.run("install", "db", "--mode", "download")
    assert (done.code, "is linked to musl" in done.err) == (5, True)
