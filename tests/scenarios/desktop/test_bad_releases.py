"""Releases that are wrong or meant ill: what was there stays, byte for byte, and a person reads what is the matter."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from support import desktops, mirrors, refusals, roots, wasm_modules, worlds
from support.refusals import Refusal
from support.worlds import World

PUBLISHED = "The published asset is broken: try another release with --version TAG, and report it to the publisher."
OUTSIDE = "The name comes from outside; ask its publisher for a plain one."
FILES = wasm_modules.island("notes", "v2")
MODULE = FILES["notes_bg.wasm"]


def module(content: bytes) -> Callable[[World], bytes]:
    return lambda world: desktops.archive(world, name="notes", tag="bad", files=FILES | {"notes_bg.wasm": content})


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> Callable[[World], bytes]:
    """An archive that is right but for one member more."""

    def archive(_: World) -> bytes:
        info, raw = tarfile.TarInfo(name), io.BytesIO()
        info.type, info.linkname = kind, target
        with tarfile.open(fileobj=raw, mode="w:gz") as tar:
            for path, content in FILES.items():
                plain = tarfile.TarInfo(path)
                plain.size = len(content)
                tar.addfile(plain, io.BytesIO(content))
            tar.addfile(info)
        return raw.getvalue()

    return archive


def constant(content: bytes) -> Callable[[World], bytes]:
    return lambda _: content


@pytest.fixture
def installed(world: World) -> World:
    """The island `notes` in v1."""
    desktops.islands(world, "v1", "notes")
    world.ok("islands")
    return world


@pytest.mark.parametrize(
    ("arrange", "message"),
    [
        (module(MODULE[:100]), "notes_bg.wasm of the bundle notes …"),
        (module(b""), "notes_bg.wasm of the bundle notes is an empty file, not a WebAssembly module"),
        (
            module(b"let wasm = 1;\n"),
            "notes_bg.wasm of the bundle notes is a text that begins with 'let wasm = 1;', not a WebAssembly module",
        ),
        (member("../evil.js"), "notes-wasm.tar.gz contains '../evil.js', which is not a valid file name in a bundle"),
        (
            member("/etc/evil.js"),
            "notes-wasm.tar.gz contains '/etc/evil.js', which is not a valid file name in a bundle",
        ),
        (member("x.js", tarfile.SYMTYPE, "../../../bin"), "notes-wasm.tar.gz contains 'x.js', which is a link"),
        (member("x.js", tarfile.LNKTYPE, "notes.js"), "notes-wasm.tar.gz contains 'x.js', which is a link"),
        (member("x.js", tarfile.CHRTYPE), "notes-wasm.tar.gz contains 'x.js', which is a device"),
        (constant(b"\x1f\x8b\x08\x00cut"), "notes-wasm.tar.gz is a damaged archive…"),
    ],
    ids=["truncated", "empty", "javascript", "dots", "absolute", "link", "hard-link", "device", "cut"],
)
def test_a_bundle_that_no_browser_should_get(installed: World, arrange: Callable[[World], bytes], message: str) -> None:
    desktops.islands(installed, "v2", notes=arrange(installed))
    desktops.refused(installed, Refusal(5, kind="InvalidBundle", message=message, hint=PUBLISHED), "islands")
    assert desktops.version(installed, "notes") == "v1"
    assert not list(installed.folder.rglob("evil.js"))


@pytest.mark.parametrize("name", ["a/b", "../../bin", "\x1b[31mred", "."])
def test_a_name_that_leaves_its_folder_or_fools_a_terminal(installed: World, name: str) -> None:
    index = json.dumps({"islands": [{"name": name}]}).encode()
    mirrors.release(installed.mirror, app="hero_archipelagos", tag="v2", files={"islands.json": index})
    refusal = Refusal(2, kind="UnsafeName", message=f"{name!r} cannot be the name of an island", hint=OUTSIDE)
    desktops.refused(installed, refusal, "islands")
    desktops.refused(installed, refusal, "islands", "notes", name)


def test_an_index_that_is_none(installed: World) -> None:
    mirrors.release(installed.mirror, app="hero_archipelagos", tag="v2", files={"islands.json": b'["notes"]'})
    refusal = Refusal(
        5,
        kind="InvalidServiceManifest",
        message="islands.json of release v2 is not an islands index: …",
        hint="Publish the release again, or take another with --version TAG.",
    )
    desktops.refused(installed, refusal, "islands")


def test_a_release_without_islands_and_an_island_that_it_lacks(installed: World) -> None:
    release = "release v1 of o/hero_archipelagos"
    lacks = Refusal(
        3, kind="AssetNotFound", message=f"{release} has no asset nodes-wasm.tar.gz", hint="It has: …notes-wasm.tar.gz."
    )
    desktops.refused(installed, lacks, "islands", "nodes", "--mode", "download")
    mirrors.release(installed.mirror, app="hero_archipelagos", tag="v2", files={"README": b"later"})
    none = Refusal(
        3,
        kind="AssetNotFound",
        message="release v2 has no islands",
        hint="It needs assets like NAME-wasm.tar.gz. …",
    )
    desktops.refused(installed, none, "islands", "--mode", "download")


def test_of_several_only_the_bad_one_keeps_its_version(installed: World) -> None:
    desktops.islands(installed, "v2", "maps", "radio", notes=module(b"")(installed))
    done = installed.run("islands", "--json")
    document = worlds.valid(done.document)
    assert (done.code, desktops.problems(document)) == (1, {"hero_archipelagos/notes": "InvalidBundle"})
    assert {part["part"]: part["state"] for part in document["parts"]} == {
        "hero_archipelagos/maps": "installed",
        "hero_archipelagos/radio": "installed",
    }
    assert "error: hero_archipelagos/notes: notes_bg.wasm of the bundle notes is an empty file" in done.err
    assert desktops.there(installed) == ["maps", "notes", "radio"]
    assert [desktops.version(installed, name) for name in ("maps", "notes", "radio")] == ["v2", "v1", "v2"]
    refusals.check_consistent(installed.root)


def test_a_bundle_whose_digest_is_not_that_of_the_release(installed: World) -> None:
    desktops.islands(installed, "v2", "notes")
    place = installed.mirror / "o" / "hero_archipelagos" / "v2" / "notes-wasm.tar.gz"
    other = desktops.archive(installed, "notes", "v3")
    assert len(other) == place.stat().st_size
    place.write_bytes(other)
    refusal = Refusal(5, kind="ChecksumMismatch", message="notes-wasm.tar.gz has the sha256 …", hint="…")
    desktops.refused(installed, refusal, "islands")


def test_existing_folders_are_adopted_and_restored(world: World) -> None:
    """As another tool, or a person, has left them."""
    desktops.islands(world, "v1", "notes")
    desktops.os_release(world, "v1")
    notes = {where: world.root.path / where / "mine" / "note" for where in (desktops.ISLANDS, desktops.SHELL)}
    for note in notes.values():
        note.parent.mkdir(parents=True)
        note.write_text("mine")
    world.ok("islands")
    world.ok("shell")
    assert desktops.there(world) == ["notes"]
    assert desktops.version(world, "", desktops.SHELL) == "v1"
    assert not any(note.exists() for note in notes.values())
    world.ok("rollback", "0")
    assert given_back(world, notes)
    world.ok("islands")
    assert desktops.there(world) == ["notes"]
    world.ok("uninstall", "hero_archipelagos")
    assert given_back(world, notes)
    roots.settled(world.root)


def given_back(world: World, notes: dict[str, Path]) -> bool:
    return all(
        note.read_text() == "mine" and not (world.root.path / where).is_symlink() for where, note in notes.items()
    )


def test_no_islands_are_no_app_to_install(world: World) -> None:
    refusal = Refusal(
        8,
        kind="Unsupported",
        message="hero_archipelagos has islands and no programs",
        hint="Install them with `hero-build islands`.",
    )
    desktops.refused(world, refusal, "install", "hero_archipelagos")
