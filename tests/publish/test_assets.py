"""Release files and what accompanies them: legacy names, checksums, build records, fragments, signatures."""

import json
import os
import subprocess
import sys
from pathlib import Path

import minisign
import pytest

from hero_build import __version__
from hero_build.errors import PublicationRefused, UsageError
from hero_build.forge.build_record import BuildRecord, Runner, encode, read_records, record_name
from hero_build.forge.mirror import Mirror
from hero_build.forge.protocol import Ref
from hero_build.model.artifacts import Binary, WasmBundle
from hero_build.publish import build_record
from hero_build.publish.assets import release_file, render_checksums, validate_files, with_checksums, with_legacy_names
from hero_build.publish.mirror import MirrorPublisher
from hero_build.publish.signing import KEY_FILE_VARIABLE, KEY_VARIABLE, PASSWORD_VARIABLE, Signer, read_signer
from hero_build.publish.types import ReleaseFile, ReleaseSpec
from hero_build.verify.minisign import verifies
from support.forge_server import REPO, ForgeServer
from support.server_releases import Make, Pack, Publish, seen, whole

ADMIN = Binary("db_admin", "admin", "db_ui")


def test_renamed_binaries_have_both_names(pack: Pack) -> None:
    own = pack(**{"db_admin-x": b"admin", "db-x": b"db"})
    files = with_legacy_names(own, (Binary("db", "cli"), ADMIN), lambda name: f"{name}-x")
    assert [item.name for item in files] == ["db_admin-x", "db-x", "db_ui-x"]
    assert (files[2].path, files[2].sha256) == (own[0].path, own[0].sha256)
    assert with_legacy_names(own[1:], (ADMIN,), lambda name: f"{name}-x") == own[1:]  # another platform's job
    clash = with_legacy_names((*own, *pack(**{"db_ui-x": b"else"})), (ADMIN,), lambda name: f"{name}-x")
    with pytest.raises(PublicationRefused, match="two assets would be called db_ui-x"):
        validate_files(clash)


def test_sha256sum_reads_what_was_written(pack: Pack, tmp_path: Path) -> None:
    own = pack(b=b"two", a=b"one")
    folder = own[0].path.parent
    built = with_checksums(own, folder)
    (folder / "SHA256SUMS").write_bytes(render_checksums((item.name, item.sha256) for item in own))
    assert [item.name for item in built] == ["b", "b.sha256", "a", "a.sha256"]
    for name in ("a.sha256", "b.sha256", "SHA256SUMS"):
        done = subprocess.run(["sha256sum", "-c", "--strict", name], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def record(*files: ReleaseFile) -> BuildRecord:
    runs = Runner("Linux 6", name="", url="")
    built = build_record.built_files(files)
    return BuildRecord(
        "db",
        repo="o/db",
        tag="v1",
        what="x",
        commit="a" * 40,
        dirty=True,
        toolchain="rustc 1.90",
        lock="b" * 64,
        fingerprint="c" * 32,
        runner=runs,
        made=built,
        tool=build_record.TOOL,
    )


def test_only_a_ci_names_its_machine() -> None:
    env = {"RUNNER_NAME": "r1", "GITHUB_SERVER_URL": "https://f", "GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "7"}
    assert build_record.runner(env, "Linux") == Runner("Linux", "r1", "https://f/o/r/actions/runs/7")
    assert build_record.runner({"RUNNER_NAME": "mine", "HOSTNAME": "home"}, "Linux") == Runner("Linux", "", "")


def test_records_of_a_release_and_the_fragment(pack: Pack, tmp_path: Path) -> None:
    own = pack(a=b"one", w=b"two")
    one = record(*own)
    text = build_record.fragment(one, "https://f", ((ADMIN, own[0]), (WasmBundle("shell"), own[1])))
    entry = json.loads(text)["apps"]["db"]
    assert entry["binaries"]["db_admin"]["kind"] == "admin"
    assert (entry["bundles"]["shell"]["asset"], entry["source"]["commit"]) == ("w", "a" * 40)
    (tmp_path / "r").write_bytes(encode(one))
    name = record_name("db", "x")
    mirror = (tmp_path / "mirror").as_uri()
    publisher = MirrorPublisher(mirror, lambda event: None)
    publisher.publish(ReleaseSpec("db", repo="o/db", tag="v1", files=(*own, release_file(name, tmp_path / "r"))))
    forge = Mirror(mirror)
    assert read_records(forge, forge.find(Ref("o/db"))) == (one,)


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, str]:
    """A key file as `minisign -G -W` writes one, and the public key."""
    pair = minisign.KeyPair.generate()
    path = tmp_path / "minisign.key"
    path.write_bytes(bytes(pair.secret_key))
    path.chmod(0o600)
    return path, pair.public_key.to_base64().decode()


def test_a_release_is_signed(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack, keys: tuple[Path, str]
) -> None:
    path, public = keys
    signer = read_signer(path, {})
    assert signer is not None
    publisher(signer=signer).publish(spec(*pack(a=b"one")))
    files = seen(forge_server, spec().repo, "v1")
    assert files is not None
    signature = files.pop("SHA256SUMS.minisig")
    assert files == whole({"a": b"one"})
    assert verifies(signature, files["SHA256SUMS"], public)
    assert not verifies(signature, files["SHA256SUMS"] + b"\n", public)
    assert not verifies(b"nonsense", files["SHA256SUMS"], public)
    assert f"{spec().repo} v1".encode() in signature
    assert not publisher(signer=signer).publish(spec(*pack(a=b"one"))).changed


def test_a_signature_follows_its_list(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack, keys: tuple[Path, str]
) -> None:
    signer = read_signer(keys[0], {})
    publisher().publish(spec(*pack(a=b"one")))
    publisher(signer=signer).publish(spec(*pack(a=b"one")))  # signed later
    publisher(signer=signer).publish(spec(*pack(b=b"two")))
    files = seen(forge_server, spec().repo, "v1")
    assert files is not None
    assert verifies(files["SHA256SUMS.minisig"], files["SHA256SUMS"], keys[1])
    publisher().publish(spec(*pack(c=b"three")))  # without the key: no signature is better than a wrong one
    files = seen(forge_server, spec().repo, "v1")
    assert files == whole({"a": b"one", "b": b"two", "c": b"three"})


def test_a_mirror_is_signed(pack: Pack, keys: tuple[Path, str], tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    to_mirror = MirrorPublisher(folder.as_uri(), lambda event: None, signer=read_signer(keys[0], {}))
    one = ReleaseSpec("a", repo="o/a", tag="v1", files=pack(a=b"one"))
    to_mirror.publish(one)
    assert not to_mirror.publish(one).changed
    place = folder / "o" / "a" / "v1"
    assert verifies((place / "SHA256SUMS.minisig").read_bytes(), (place / "SHA256SUMS").read_bytes(), keys[1])


def test_where_the_key_comes_from(keys: tuple[Path, str]) -> None:
    path, public = keys
    line = path.read_text().splitlines()[1]
    for env in ({KEY_VARIABLE: line}, {KEY_VARIABLE: path.read_text()}, {KEY_FILE_VARIABLE: str(path)}):
        environ = dict(env)
        signer = read_signer(None, environ)
        assert isinstance(signer, Signer)
        assert signer.public_key == public
        assert environ == {}  # no child sees it
        assert line not in repr(signer)
    assert read_signer(None, {}) is None
    assert (
        read_signer(None, {KEY_VARIABLE: "", KEY_FILE_VARIABLE: "", PASSWORD_VARIABLE: ""}) is None
    )  # secrets that a forge does not have


def test_keys_that_are_none(keys: tuple[Path, str], tmp_path: Path) -> None:
    path, public = keys
    bad = tmp_path / "bad"
    bad.write_text("nonsense\n")
    bad.chmod(0o600)
    for file, env in (
        (bad, {}),
        (tmp_path / "absent", {}),
        (None, {KEY_VARIABLE: public}),
        (None, {KEY_VARIABLE: "nonsense"}),
    ):
        with pytest.raises(UsageError) as caught:
            read_signer(file, env)
        assert "nonsense" not in caught.value.message
    path.chmod(0o644)
    with pytest.raises(UsageError, match="others can read"):
        read_signer(path, {})
    with pytest.raises(UsageError, match="not a minisign public key"):
        verifies(b"", b"", "nonsense")


def test_a_key_with_a_password(tmp_path: Path) -> None:
    pair = minisign.KeyPair.generate()
    pair.secret_key.encrypt("open", opslimit=32768, memlimit=1 << 24)
    path = tmp_path / "key"
    path.write_bytes(bytes(pair.secret_key))
    path.chmod(0o600)
    with pytest.raises(UsageError, match="needs a password"):
        read_signer(path, {})
    with pytest.raises(UsageError, match="does not open the key") as caught:
        read_signer(path, {PASSWORD_VARIABLE: "wrong"})
    assert "wrong" not in caught.value.message
    signer = read_signer(path, {PASSWORD_VARIABLE: "open"})
    assert signer is not None
    assert verifies(signer.sign(b"x", "c"), b"x", signer.public_key)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(PublicationRefused, match="cannot be read"):
            release_file("a", path)


def test_this_repository_releases_itself(forge_server: ForgeServer, repo: str, tmp_path: Path) -> None:
    wheel, sdist = f"hero_build-{__version__}-py3-none-any.whl", f"hero_build-{__version__}.tar.gz"
    for name in (wheel, sdist, "notes.txt"):
        (tmp_path / name).write_bytes(name.encode())
    tag, head = f"v{__version__}", forge_server.api("GET", f"/repos/{repo}/branches/main")["commit"]["id"]
    env = {
        "FORGEJO_URL": forge_server.url,
        "FORGEJO_TOKEN": forge_server.token,
        "GITHUB_REPOSITORY": repo,
        "GITHUB_SHA": head,
        "HERO_BUILD_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(REPO),
    }

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(REPO / "tools" / "release.py"), *words]
        return subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True)

    done = run(tag, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert seen(forge_server, repo, tag) == whole({name: name.encode() for name in (wheel, sdist)})
    assert "nothing to do" in run(tag, str(tmp_path)).stdout
    wrong = run("v99", str(tmp_path))
    assert (wrong.returncode, "is not the version" in wrong.stderr) == (2, True)
    assert run(tag, str(tmp_path / "cache")).returncode == 2


@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_what_is_not_a_regular_file_is_not_published(tmp_path: Path, kind: str) -> None:
    """Neither as a release file nor in the folder of `--from`: reading it would never end."""
    path = tmp_path / "db"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(PublicationRefused, match=f"{path} cannot be read: it is a .*, not a regular file"):
        release_file("db", path)
