"""A pinned library out of an archive, as the recipes of ONNX Runtime have it: one file, installed under two names."""

import hashlib
import io
import tarfile

import pytest

from hero_build import manifest
from hero_build.model.installed import PartId
from hero_build.platforms import machine_arch
from support import mirrors, roots
from support.elf_files import shared_bytes
from support.worlds import World

SHARED = '''"""A library for several recipes."""

from hero_build.recipe import Pinned, library

_PIN = Pinned("linux-{arch}", "https://upstream.example/thing-1.tgz", "{digest}", "thing-1/lib/libthing.so.1.0")
LIBRARIES = (library("libthing.so", _PIN), library("libthing.so.1", _PIN))
'''
RECIPE = '''"""{app}: a test app with a library."""

from hero_build.recipe import Recipe, cli

from ._thing import LIBRARIES


class App(Recipe):
    repo = "o/{app}"
    binaries = (cli("{app}"),)
    libraries = LIBRARIES
'''


def archive(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        info = tarfile.TarInfo("./thing-1/lib/libthing.so.1.0")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def pin(world: World, content: bytes) -> None:
    """The library as the recipes pin it, in the mirror and in their shared module."""
    packed = archive(content)
    digest = hashlib.sha256(packed).hexdigest()
    (world.mirror / "_pinned").mkdir(exist_ok=True)
    (world.mirror / "_pinned" / digest).write_bytes(packed)
    (world.recipes / "_thing.py").write_text(SHARED.format(arch=machine_arch(), digest=digest))


def app(world: World, name: str, tag: str = "v1") -> None:
    (world.recipes / f"{name}.py").write_text(RECIPE.format(app=name))
    mirrors.release(world.mirror, app=name, tag=tag, files=mirrors.programs(tag, name))


@pytest.fixture
def thing(world: World) -> World:
    pin(world, shared_bytes())
    app(world, "voice")
    return world


def test_a_library_is_installed_under_both_names_from_its_recipe(thing: World) -> None:
    thing.ok("install", "voice")
    for name in ("libthing.so", "libthing.so.1"):
        assert (thing.root.path / "lib" / name).read_bytes() == shared_bytes()
    entries = manifest.load(thing.root.path).records[PartId("voice")].entries
    assert {(item.name, item.artifact) for item in entries} == {
        ("voice", "binary"),
        ("libthing.so", "library"),
        ("libthing.so.1", "library"),
    }
    assert thing.ok("install", "voice").startswith("nothing to do")
    roots.settled(thing.root)


def test_a_library_that_is_not_the_pinned_one_is_refused(thing: World) -> None:
    (path,) = (thing.mirror / "_pinned").iterdir()
    path.write_bytes(archive(shared_bytes(b"another one\n")))
    done = thing.run("install", "voice")
    assert done.code == 5
    assert ", expected " in done.err
    assert not (thing.root.path / "lib").exists()


def test_apps_share_a_library_and_it_stays_until_the_last_of_them_goes(thing: World) -> None:
    app(thing, "editor")
    thing.ok("install", "voice", "editor")
    assert len(manifest.load(thing.root.path).records) == 2
    roots.settled(thing.root)
    thing.ok("uninstall", "voice")
    assert (thing.root.path / "lib" / "libthing.so").read_bytes() == shared_bytes()
    thing.ok("install", "voice")
    roots.settled(thing.root)
    thing.ok("uninstall", "voice", "editor")
    assert list((thing.root.path / "lib").iterdir()) == []


def test_a_shared_library_that_was_damaged_is_mended_by_any_of_them(thing: World) -> None:
    app(thing, "editor")
    thing.ok("install", "editor", "voice")
    path = thing.root.path / "lib" / "libthing.so"
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    assert thing.run("verify").code == 5
    thing.ok("install", "voice")
    assert path.read_bytes() == shared_bytes()
    assert thing.run("verify").code == 0
    roots.settled(thing.root)


def test_two_versions_of_a_shared_library_are_refused_until_all_ask_for_the_new_one(thing: World) -> None:
    app(thing, "editor")
    thing.ok("install", "editor", "voice")
    before = roots.visible(thing.root)
    pin(thing, shared_bytes(b"a newer one\n"))
    done = thing.run("install", "voice")
    assert done.code == 2
    assert "editor and voice need different versions of lib/libthing.so" in done.err
    assert roots.visible(thing.root) == before
    (hint,) = (line for line in done.err.splitlines() if line.startswith("  hint: "))
    thing.ok(*hint.split("`")[1].split()[1:])
    assert (thing.root.path / "lib" / "libthing.so").read_bytes() == shared_bytes(b"a newer one\n")
    roots.settled(thing.root)


def test_a_program_is_never_shared(thing: World) -> None:
    thing.recipe("editor", "voice")
    thing.release("editor", "v1", "voice")
    thing.ok("install", "voice")
    done = thing.run("install", "editor")
    assert done.code == 2
    assert "both install bin/voice" in done.err
