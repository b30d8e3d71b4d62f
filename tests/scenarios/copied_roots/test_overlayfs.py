"""A root in the lower layer of an overlay, as one is that was baked into a container image.

Folders of that layer cannot be renamed (EXDEV), and a file gets another inode when a hard link to it is made.
"""

import subprocess
from pathlib import Path

import pytest

from hero_build.install import gc
from support import mirrors, roots
from support.mount_namespaces import inside, namespace
from support.refusals import Refusal, check_refusal, program_output
from support.worlds import World

OVERLAY = (
    'cd "$0" && mount -t tmpfs tmpfs layers && cd layers && mkdir upper work && mkdir lower && '
    "mv ../hero lower/hero && mkdir ../hero && "
    "mount -t overlay overlay -o lowerdir=lower/hero,upperdir=upper,workdir=work ../hero && "
    'cd / && exec "$@"'
)


@pytest.fixture
def image(two_apps: World) -> World:
    """Three generations; skipped where overlays are refused."""
    for tag in ("v1", "v2", "v3"):
        two_apps.release("db", tag, "db", "db_admin")
        two_apps.ok("install", "db")
    (two_apps.folder / "layers").mkdir()
    script = 'cd "$0" && mount -t tmpfs t . && mkdir l u w m && mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w m'
    probe = subprocess.run(namespace(script, str(two_apps.folder / "layers")), capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"no overlay can be mounted here: {probe.stderr.strip()}")
    return two_apps


def test_every_command_works(image: World) -> None:
    inside(every_command, image.folder, OVERLAY, str(image.folder))


def every_command(folder: Path) -> None:
    world = World(folder)
    with pytest.raises(OSError, match="cross-device"):
        world.root.generation(1).rename(world.root.staging / "elsewhere")
    world.ok("status")
    world.ok("verify")
    world.ok("rollback")
    assert program_output(world.root) == "db v2\n"
    world.ok("rollback", "1")
    assert program_output(world.root) == "db v1\n"
    world.ok("verify")
    world.release("db", "v4", "db", "db_admin")
    world.ok("install", "db")
    assert program_output(world.root) == "db v4\n"
    world.ok("uninstall", "db")
    world.ok("rollback", "3")
    assert program_output(world.root) == "db v3\n"
    roots.settled(world.root)


def test_a_mirror_is_renewed(image: World) -> None:
    shelf = image.root.path / "shelf"
    image.ok("mirror", "db", str(shelf))
    inside(renew_mirror, image.folder, OVERLAY, str(image.folder))


def renew_mirror(folder: Path) -> None:
    world = World(folder)
    shelf = world.root.path / "shelf"
    (release,) = (path for path in shelf.glob("*/db/v3"))
    asset = release / mirrors.asset("db_admin")
    asset.write_bytes(b"damaged")
    with pytest.raises(OSError, match="cross-device"):
        release.rename(shelf / "elsewhere")
    world.ok("mirror", "db", str(shelf))
    assert asset.read_bytes() != b"damaged"
    assert {path.name for path in release.parent.iterdir()} == {"latest", "v3"}


def test_gc_deletes_in_place(image: World) -> None:
    inside(collected, image.folder, OVERLAY, str(image.folder))


def collected(folder: Path) -> None:
    world = World(folder)
    world.ok("gc", "--keep", "1")
    assert sorted(path.name for path in world.root.generations.iterdir()) == ["3"]
    assert program_output(world.root) == "db v3\n"
    assert gc.collect(world.root, keep=1).generations == ()
    world.ok("verify")
    roots.settled(world.root)


def test_a_deletion_that_was_interrupted_is_completed_and_never_restored(image: World) -> None:
    inside(interrupted, image.folder, OVERLAY, str(image.folder))


def interrupted(folder: Path) -> None:
    """The manifest goes first."""
    world = World(folder)
    (world.root.generation(1) / "manifest.json").unlink()
    assert world.run("rollback", "1").code == 5
    world.ok("gc", "--keep", "2")
    assert sorted(path.name for path in world.root.generations.iterdir()) == ["2", "3"]
    roots.settled(world.root)


def test_a_generation_that_was_not_committed_is_deleted(image: World) -> None:
    """The image was made of a root in which a command had been killed."""
    newer = image.root.generation(4)
    subprocess.run(["cp", "-a", image.root.generation(3), newer], check=True)
    inside(recovered, image.folder, OVERLAY, str(image.folder))


def recovered(folder: Path) -> None:
    world = World(folder)
    world.ok("gc")
    assert not world.root.generation(4).exists()
    roots.settled(world.root)


def test_a_foreign_folder_in_the_image_is_refused_and_kept(image: World) -> None:
    """It cannot be exchanged with a link in one step."""
    image.ok("uninstall", "db")
    place = image.root.path / "bin" / "db"
    place.mkdir()
    (place / "mine").write_text("mine")
    inside(refused, image.folder, OVERLAY, str(image.folder))


def refused(folder: Path) -> None:
    world = World(folder)
    place = world.root.path / "bin" / "db"
    message = f"this filesystem cannot exchange {place} in one step"
    hint = f"Move {place} away, then run it again."
    check_refusal(world.run("install", "db"), Refusal(8, kind="Unsupported", message=message, hint=hint))
    assert (place / "mine").read_text() == "mine"
    subprocess.run(["mv", place, folder / "moved"], check=True)
    world.ok("install", "db")
    assert program_output(world.root) == "db v3\n"
