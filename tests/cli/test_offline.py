"""`lock`, `install --locked`, `mirror`."""

import hashlib
import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from hero_build.forge.mirror_layout import publish_package
from hero_build.model.artifacts import GenericPackage
from hero_build.model.installed import PartId
from hero_build.model.steps import Asset, Release
from support import git_repos, mirrors, roots, rust_crates, worlds
from support.elf_files import shared_bytes
from support.fault_server import FaultServer
from support.worlds import World

pytestmark = pytest.mark.usefixtures("two_apps")


def test_lock_pins_the_assets_for_this_machine(world: World, tmp_path: Path) -> None:
    file = tmp_path / "apps.lock"
    document = worlds.valid(world.run("lock", "@both", "-o", str(file), "--json").document)
    assert (document["written"], [app["tag"] for app in document["apps"]]) == (True, ["v2", "v1"])
    pinned = json.loads(file.read_text())["apps"]["db"]["assets"]
    assert {asset["name"] for asset in pinned} == {mirrors.asset("db"), mirrors.asset("db_admin")}
    assert all(len(asset["sha256"]) == 64 for asset in pinned)


def test_locked_installs_exactly_the_pinned_apps(world: World, tmp_path: Path) -> None:
    file = tmp_path / "apps.lock"
    world.ok("lock", "@both", "-o", str(file))
    world.release("db", "v3", "db", "db_admin")
    out = world.ok("install", "--locked", str(file))
    assert "generation 1: db v2 (download), web v1 (download)" in out
    assert world.ok("install", "--locked", str(file)) == "nothing to do: 2 apps as asked, intact\n"


def test_locked_never_builds_what_the_lock_file_does_not_hold(world: World, tmp_path: Path) -> None:
    file = tmp_path / "apps.lock"
    world.ok("lock", "db", "-o", str(file))
    git_repos.upstream(world.mirror, "o/web", rust_crates.APP)
    document = worlds.valid(world.run("install", "web", "--locked", str(file), "--json").document)
    (failed,) = document["failed"]
    assert (document["exit"], failed["kind"]) == (3, "ReleaseNotFound")
    assert failed["message"] == "the lock file holds nothing of o/web"
    assert failed["hint"] == f"It pins db. `hero-build lock db APP -o {file}` pins more."
    assert not (world.root.path / "code0").exists()
    assert world.run("explain", "web", "--locked", str(file)).code == 3
    assert "generation 1: db v2 (download)" in world.run("install", "@both", "--locked", str(file)).out


def test_locked_sends_no_request_if_everything_is_installed(world: World, tmp_path: Path, faults: FaultServer) -> None:
    file = tmp_path / "db.lock"
    faults.release("o/db", "v5", mirrors.programs("v5", "db", "db_admin"))
    world.ok("--forge", faults.url, "lock", "db", "-o", str(file))
    assert any("/api/" in path for path in faults.paths())
    faults.seen.clear()
    assert "generation 1: db v5" in world.ok("install", "--locked", str(file))
    assert len(faults.paths()) == 2, "one request for each binary"
    assert not any("/api/" in path for path in faults.paths())
    faults.seen.clear()
    for _ in range(2):
        assert "nothing to do" in world.ok("install", "--locked", str(file))
    assert faults.paths() == []


def test_a_lock_that_fails_says_what_became_of_the_file(world: World, tmp_path: Path) -> None:
    world.recipe("late")
    file = tmp_path / "apps.lock"
    done = world.run("lock", "db", "late", "-o", str(file))
    assert (done.code, file.exists()) == (3, False)
    assert f"{file} was not written: a lock file must contain every requested app" in done.out.replace("\n  ", " ")
    world.ok("lock", "db", "-o", str(file))
    before = file.read_bytes()
    done = world.run("lock", "db", "late", "-o", str(file))
    assert f"{file} is as it was: a lock file must contain every requested app" in done.out.replace("\n  ", " ")
    assert file.read_bytes() == before
    document = worlds.valid(world.run("lock", "db", "late", "-o", str(file), "--json").document)
    assert (document["written"], document["existed"]) == (False, True)


def test_lock_hashes_assets_without_a_checksum(world: World, tmp_path: Path) -> None:
    world.release("web", "v2", checksums=False)
    file = tmp_path / "apps.lock"
    world.ok("lock", "web", "-o", str(file))
    (asset,) = json.loads(file.read_text())["apps"]["web"]["assets"]
    wanted = mirrors.programs("v2", "web")[mirrors.asset("web")]
    assert asset["sha256"] == hashlib.sha256(wanted).hexdigest()
    assert "generation 1" in world.ok("install", "--locked", str(file))


def test_lock_writes_all_apps_or_nothing(world: World, tmp_path: Path) -> None:
    world.recipe("late")
    file = tmp_path / "apps.lock"
    done = world.run("lock", "db", "late", "-o", str(file), "--json")
    document = worlds.valid(done.document)
    assert (done.code, document["written"]) == (3, False)
    assert document["failed"][0]["app"] == "late"
    assert not file.exists()


def test_a_lock_file_for_another_machine(world: World, tmp_path: Path) -> None:
    file = tmp_path / "apps.lock"
    world.ok("lock", "db", "-o", str(file))
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"arch": "riscv64"}))
    done = world.run("install", "--locked", str(file))
    assert done.code == 2
    assert "was written on riscv64" in done.err
    assert not (world.root.path / "bin").exists()


def test_a_lock_file_and_another_forge(world: World, tmp_path: Path) -> None:
    file = tmp_path / "apps.lock"
    world.ok("lock", "db", "-o", str(file))
    done = world.run("--forge", "file:///elsewhere", "install", "--locked", str(file))
    assert done.code == 2
    assert "--forge names file:///elsewhere" in done.err


def test_mirror_is_a_forge_with_every_platform(world: World, tmp_path: Path) -> None:
    files = mirrors.programs("v3", "db", "db_admin") | {"db-linux-other-musl": b"for another machine"}
    mirrors.release(world.mirror, app="db", tag="v3", files=files)
    copy = tmp_path / "copy"
    document = worlds.valid(world.run("mirror", "@both", str(copy), "--json").document)
    assert [(app["name"], app["tag"], app["files"]) for app in document["apps"]] == [("db", "v3", 4), ("web", "v1", 2)]
    assert (copy / "o" / "db" / "v3" / "db-linux-other-musl").read_bytes() == b"for another machine"
    stored = sorted((copy / "_store").iterdir())
    assert {hashlib.sha256(path.read_bytes()).hexdigest() for path in stored if not path.suffix} >= {
        hashlib.sha256(content).hexdigest() for content in files.values()
    }
    assert all(path.stat().st_nlink == 2 for path in stored if not path.suffix), "one file on disk for both addresses"
    shutil.rmtree(world.mirror)
    assert "db v3 (download)" in world.ok("--forge", document["url"], "install", "db")
    assert roots.settled(world.root).number == 1
    assert [path for path in (world.folder / "cache").rglob("*") if path.is_file()] == []


def test_mirror_refuses_a_wrong_checksum(world: World, tmp_path: Path) -> None:
    place = world.mirror / "o" / "web" / "v1" / mirrors.asset("web")
    data = place.read_bytes()
    place.write_bytes(data[:-1] + b"!")
    copy = tmp_path / "copy"
    done = world.run("mirror", "db", "web", str(copy), "--json")
    document = worlds.valid(done.document)
    assert done.code == 1
    assert [(item["app"], item["kind"]) for item in document["failed"]] == [("web", "ChecksumMismatch")]
    assert (copy / "o" / "db" / "latest").read_text().strip() == "v2"
    assert not (copy / "o" / "web").exists()


def test_mirror_of_a_version_does_not_make_it_the_newest(world: World, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    world.ok("mirror", "db", str(copy))
    world.ok("mirror", "db", str(copy), "--version", "v1")
    assert (copy / "o" / "db" / "latest").read_text().strip() == "v2"
    assert (copy / "o" / "db" / "v1" / "release.json").is_file()


def test_mirror_includes_libraries(world: World, tmp_path: Path) -> None:
    library = shared_bytes()
    digest = hashlib.sha256(library).hexdigest()
    (tmp_path / "libone.so").write_bytes(library)
    (world.mirror / "_pinned").mkdir()
    (world.mirror / "_pinned" / digest).write_bytes(library)
    arch = roots.platform().arch
    recipe = world.recipe("voice", libraries="(ONE,)", libc='"gnu"')
    pin = f'Pinned("linux-{arch}", "https://libraries.example/libone.so", "{digest}")'
    head = f'from hero_build.recipe import Library, Pinned\n\nONE = Library("libone.so", ({pin},))\n'
    recipe.write_text(recipe.read_text().replace("\n\nclass App", f"\n{head}\n\nclass App"))
    program = mirrors.programs("v1", "voice")
    mirrors.release(
        world.mirror, app="voice", tag="v1", files={f"voice-linux-{arch}-gnu": next(iter(program.values()))}
    )
    copy = tmp_path / "copy"
    document = worlds.valid(world.run("mirror", "voice", str(copy), "--json").document)
    assert document["apps"][0]["libraries"] == ["libone.so"]
    assert (copy / "_pinned" / digest).read_bytes() == library
    world.ok("--forge", copy.as_uri(), "install", "voice")
    assert (world.root.path / "lib" / "libone.so").read_bytes() == library


def test_a_generic_package_is_locked_mirrored_and_installed(world: World, tmp_path: Path) -> None:
    recipe = world.recipe("zinit")
    package = '    def package(self, version):\n        return Package("o", "zinit", version or "dev")\n'
    text = recipe.read_text().replace("import Recipe", "import Package, Recipe")
    recipe.write_text(f"{text}\n{package}")
    (name, data), *_ = mirrors.programs("dev", "zinit").items()
    (tmp_path / name).write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    release = Release(
        "https://forge.example",
        repo="o/zinit",
        tag="dev",
        assets=(Asset(name, url="", size=len(data), id=digest, sha256=digest),),
    )
    publish_package(
        world.mirror, package=GenericPackage("o", "zinit", "dev"), release=release, files={name: tmp_path / name}
    )
    file, copy = tmp_path / "apps.lock", tmp_path / "copy"
    world.ok("lock", "zinit", "-o", str(file))
    assert worlds.valid(world.run("mirror", "zinit", str(copy), "--json").document)["apps"][0]["tag"] == "dev"
    assert "zinit dev (download)" in world.ok("--forge", copy.as_uri(), "install", "zinit")
    world.ok("uninstall", "zinit")
    assert "zinit dev (download)" in world.ok("install", "--locked", str(file))


def test_what_is_installed_is_pinned(world: World, tmp_path: Path) -> None:
    file = tmp_path / "installed.lock"
    world.ok("install", "db@v1", "web")
    assert "2 apps pinned" in world.ok("lock", "--installed", "-o", str(file))
    assert {app: item["tag"] for app, item in json.loads(file.read_text())["apps"].items()} == {"db": "v1", "web": "v1"}
    world.ok("rollback", "0")
    assert "db v1 (download), web v1 (download)" in world.ok("install", "--locked", str(file))
    assert "1 app pinned" in world.ok("lock", "--installed", "db", "-o", str(file))
    assert world.run("lock", "--installed", "db@v1", "-o", str(file)).code == 2
    assert world.run("lock", "-o", str(file)).code == 2


def test_what_no_release_has_is_not_pinned(world: World, tmp_path: Path) -> None:
    file = tmp_path / "installed.lock"
    assert world.run("lock", "--installed", "-o", str(file)).code == 3, "nothing is installed"
    world.ok("install", "db", "web")
    world.release("web", "v1", "web")
    manifest = world.root.current / "manifest.json"
    text = manifest.read_text()
    digest = roots.settled(world.root).records[PartId("web")].entries[0].asset_sha256
    manifest.write_text(text.replace(f'"asset_sha256": "{digest}"', f'"asset_sha256": "{"0" * 64}"'))
    done = world.run("lock", "--installed", "-o", str(file))
    assert (done.code, file.exists()) == (5, False)
    assert "is not the file that is installed" in done.err.replace("\n  ", " ")
    built = text.replace('"used": "download"', '"used": "source"')
    manifest.write_text(built)
    done = world.run("lock", "--installed", "-o", str(file), "--json")
    document = worlds.valid(done.document)
    assert (done.code, document["written"]) == (3, False)
    assert [item["message"] for item in document["failed"]] == [
        f"{app} {version} was built from source, and a lock file pins releases"
        for app, version in (("db", "v2"), ("web", "v1"))
    ]


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        ("lock db -o -", 2, "Name a file, and print it with `cat`."),
        ("install --locked https://forge.example/my.lock", 2, "fetch it first, and compare its sha256 with --digest."),
    ],
)
def test_a_lock_file_is_a_file_of_this_machine(words: str, code: int, hint: str, two_apps: World) -> None:
    done = two_apps.run(*words.split())
    assert done.code == code
    assert hint in done.err


@pytest.mark.parametrize(
    ("place", "sentence", "hint"),
    [
        ("", "is a folder", "-o names the file to write"),
        ("none/hero.lock", "does not exist", "Create it (`mkdir -p"),
        ("file/hero.lock", "is not a folder", "Name another with -o."),
        ("fifo", "is not a regular file", "Name another with -o."),
    ],
)
@pytest.mark.parametrize("command", ["lock", "pack"])
def test_a_file_that_cannot_be_written_is_refused_first(
    command: str, place: str, sentence: str, hint: str, world: World, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "fifo")
    done = world.run(command, "db", "-o", str(tmp_path / place))
    assert done.code == 8
    assert sentence in done.err
    assert hint in done.err
    assert "--root" not in done.err
    assert "download" not in done.err, "before anything is fetched"
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)


def test_places_that_cannot_be_written_are_named_by_their_own_setting(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = world.run("mirror", "db", str(tmp_path / "file" / "mirror"))
    assert (done.code, "Name another folder for the mirror." in done.err) == (8, True)
    cache = {"HERO_BUILD_CACHE": str(tmp_path / "file" / "cache")}
    done = world.run("lock", "db", "-o", str(tmp_path / "db.lock"), env=cache)
    assert (done.code, "--root" in done.err) == (8, False)


@pytest.mark.parametrize("forge", ["nonsense", "https://["])
def test_a_lock_file_with_a_forge_that_is_none_is_named_with_its_field(
    forge: str, world: World, tmp_path: Path
) -> None:
    file = tmp_path / "hero.lock"
    world.ok("lock", "db", "-o", str(file))
    document = json.loads(file.read_text())
    assets = [{**asset, "url": f"{forge}/x"} for asset in document["apps"]["db"]["assets"]]
    document["apps"]["db"]["assets"] = assets if forge != "nonsense" else document["apps"]["db"]["assets"]
    file.write_text(json.dumps({**document, "forge": forge}))
    done = world.run("install", "--locked", str(file))
    assert done.code == 2, done.err
    assert str(file) in done.err
    assert "forge" in done.err.replace(str(file), "")
    assert "--forge" not in done.err


def test_a_lock_file_that_cannot_be_used_names_what_helps(world: World, tmp_path: Path) -> None:
    file = tmp_path / "hero.lock"
    done = world.run("install", "--locked", str(file))
    assert (done.code, f"`hero-build lock APP… -o {file}` writes one." in done.err) == (2, True)
    world.ok("lock", "@both", "-o", str(file))
    (world.recipes / "web.py").unlink()
    for command in (("install", "--locked"), ("build", "--locked"), ("pack", "-o", str(tmp_path / "x"), "--locked")):
        done = world.run(*command, str(file))
        assert done.code == 3, done.err
        assert f"{file} pins web, and this hero-build has no recipe of it" in done.err
        assert "HERO_RECIPES" in done.err
    assert "generation 1: db v2" in world.ok("install", "db", "--locked", str(file))


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("mirror", "db", ""), "DIR"),
        (("lock", "db", "-o", ""), "--output"),
        (("pack", "db", "-o", ""), "--output"),
        (("fleet", "units", "--set", "tester", "--at", "https://m", "-o", ""), "--output"),
        (("install", "db", "--locked", ""), "--locked"),
        (("publish", "db", "--tag", "v1", "--key", ""), "--key"),
    ],
)
def test_an_empty_path_is_not_the_folder_one_is_in(world: World, words: tuple[str, ...], name: str) -> None:
    done = world.run(*words)
    assert (done.code, f"error: the value of {name} is empty" in done.err) == (2, True), done.err
