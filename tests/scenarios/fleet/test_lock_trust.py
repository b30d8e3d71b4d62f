"""What vouches for a lock file is checked before the file is read and before the network is used."""

import hashlib
from pathlib import Path

import pytest

from support import roots, worlds
from support.fault_server import FaultServer
from support.keys import Keys
from support.worlds import World

pytestmark = pytest.mark.usefixtures("two_apps")


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path, "hero")


def test_the_digest_of_a_lock_file_is_printed_and_pinned(world: World, tmp_path: Path) -> None:
    file = tmp_path / "apps.lock"
    document = worlds.valid(world.run("lock", "@both", "-o", str(file), "--json").document)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (document["digest"], document["signature"]) == (digest, None)
    assert f"sha256 {digest}\n" in world.ok("lock", "@both", "-o", str(file))
    other = digest[:-1] + ("0" if digest[-1] != "0" else "1")
    done = world.run("install", "--locked", str(file), "--digest", other)
    assert (done.code, world.root.path.exists()) == (5, False)
    assert f"has the sha256 {digest}, and --digest is {other}" in done.err.replace("\n", " ").replace("  ", " ")
    assert "generation 1" in world.ok("install", "--locked", str(file), "--digest", digest.upper())
    assert world.run("install", "--locked", str(file), "--digest", "abc").code == 2


@pytest.mark.parametrize("content", [b"", b"no lock file", b"\xff" * 100])
def test_the_digest_comes_before_the_content(world: World, tmp_path: Path, content: bytes) -> None:
    (file := tmp_path / "apps.lock").write_bytes(content)
    done = world.run("install", "--locked", str(file), "--digest", "0" * 64)
    assert done.code == 5
    assert "has the sha256" in done.err


def test_a_signed_lock_file_installs_where_its_key_is_trusted(
    world: World, tmp_path: Path, keys: Keys, faults: FaultServer
) -> None:
    file, signature = tmp_path / "apps.lock", tmp_path / "apps.lock.minisig"
    document = worlds.valid(world.run("lock", "@both", "-o", str(file), "--sign", str(keys.secret), "--json").document)
    assert document["signature"] == str(signature)
    stranger = Keys(tmp_path, "stranger")
    place = ("--at", faults.url)
    for key in (stranger.line, str(stranger.public)):
        done = world.run("install", "--locked", str(file), "--trust", key, *place, "--json")
        error = worlds.valid(done.document, "error")["error"]
        assert (done.code, error["kind"]) == (5, "InvalidSignature")
        assert error["message"] == f"{signature} is not a signature of {file} by the key in --trust"
    good = signature.read_bytes()
    signature.unlink()
    done = world.run("install", "--locked", str(file), "--trust", keys.line, *place)
    assert done.code == 5
    assert "must be signed, and" in done.err
    assert "--sign KEYFILE" in done.err
    signature.write_bytes(good)
    file.write_bytes(file.read_bytes().replace(b'"v2"', b'"v1"'))
    assert world.run("install", "--locked", str(file), "--trust", keys.line, *place).code == 5
    assert (faults.seen, world.root.path.exists()) == ([], False)
    world.ok("lock", "@both", "-o", str(file), "--sign", str(keys.secret))
    for key in (keys.line, str(keys.public)):
        world.ok("install", "--locked", str(file), "--trust", key)
    assert roots.settled(world.root).number == 1


def test_the_settings_of_a_root_name_who_must_have_signed(world: World, tmp_path: Path, keys: Keys) -> None:
    file = tmp_path / "apps.lock"
    world.ok("lock", "db", "-o", str(file))
    config = world.root.path / "cfg" / "hero_build.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'trust = ["{Keys(tmp_path, "other").line}", "{keys.line}"]\n')
    assert world.run("install", "--locked", str(file)).code == 5
    world.ok("lock", "db", "-o", str(file), "--sign", str(keys.secret))
    world.ok("install", "--locked", str(file))
    assert "nothing to do" in world.ok("install", "--locked", str(file))
    assert "nothing to do" in world.ok("install", "--locked", str(file)), "the cached answer"
    (tmp_path / "apps.lock.minisig").unlink()
    assert world.run("install", "--locked", str(file)).code == 5, "the cached answer knows the signature"
    config.write_text('trust = ["no key"]\n')
    world.ok("lock", "db", "-o", str(file), "--sign", str(keys.secret))
    done = world.run("install", "--locked", str(file))
    assert done.code == 2
    assert "not a minisign public key" in done.err


def test_a_signature_is_checked_where_no_library_for_signatures_is(world: World, tmp_path: Path, keys: Keys) -> None:
    """A module that cannot be imported hides py-minisign, as on a machine that has hero-build alone."""
    file, hidden = tmp_path / "apps.lock", tmp_path / "hidden"
    world.ok("lock", "db", "-o", str(file), "--sign", str(keys.secret))
    for name in ("minisign", "cryptography"):
        (hidden / name).mkdir(parents=True)
        (hidden / name / "__init__.py").write_text("raise ImportError\n")
    trusted = ("install", "--locked", str(file), "--trust")
    env = {"PYTHONPATH": str(hidden)}
    assert world.run(*trusted, Keys(tmp_path, "stranger").line, env=env).code == 5
    assert world.run(*trusted, keys.line, env=env).code == 0


def test_nothing_is_written_where_nothing_can_be_signed(world: World, tmp_path: Path, keys: Keys) -> None:
    file = tmp_path / "apps.lock"
    keys.secret.chmod(0o644)
    assert world.run("lock", "db", "-o", str(file), "--sign", str(keys.secret)).code == 2
    assert world.run("lock", "db", "-o", str(file), "--sign", str(tmp_path / "none.key")).code == 2
    assert not file.exists()
