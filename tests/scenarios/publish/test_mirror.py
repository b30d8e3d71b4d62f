"""`publish --to file://DIR` by the real command: built by real cargo, installed from there, and what is refused."""

import hashlib
import json
import re
from pathlib import Path

import jsonschema
import pytest

from support import git_repos, mirrors, publish_cli, roots, rust_world, source_builds, worlds
from support.elf_files import dynamic_bytes
from support.publish_cli import PLATFORM, buyer, out
from support.refusals import Refusal
from support.worlds import SCHEMAS, World

MUSL = str(roots.platform())
OTHER = MUSL.replace("amd64", "xx").replace("arm64", "amd64").replace("xx", "arm64")


@pytest.fixture(autouse=True)
def plain(plain_tools: None) -> None:
    """cargo and git without a person's habits."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return publish_cli.hero_db(tmp_path)


@pytest.fixture
def static(tmp_path: Path) -> World:
    """The same with the recipe as it is in truth: static programs, which are taken from a folder here."""
    return publish_cli.hero_db(tmp_path, libc="musl")


def released(world: World, tag: str) -> dict[str, bytes]:
    """The files of a release in the mirror `out`."""
    place = world.folder / "out" / "lhumina_code" / "hero_db" / tag
    return {path.name: path.read_bytes() for path in place.iterdir() if path.name != "release.json"}


def publish(world: World, tag: str, *words: str) -> worlds.Done:
    return world.run("publish", "hero_db", "--tag", tag, "--to", out(world), *words)


def test_built_published_installed_compared(world: World) -> None:
    done = publish(world, "v1", "--with-legacy-names", "--json")
    assert done.code == 0, done.err
    assert re.search(
        r"hero_db: publish v1, [\d.]+ MB to upload and download\nhero_db: uploaded and verified in ", done.err
    )
    (release,) = worlds.valid(done.document)["releases"]
    records = (f"hero_db-{PLATFORM}.build.json", f"hero_db-{PLATFORM}.manifest.json")
    names = {*(f"{name}-{PLATFORM}" for name in (*publish_cli.PROGRAMS, "hero_db_ui")), *records, "service.toml"}
    assert set(release["uploaded"]) == names | {f"{name}.sha256" for name in names} | {"SHA256SUMS"}
    files = released(world, "v1")
    assert files[f"hero_db_ui-{PLATFORM}"] == files[f"hero_db_admin-{PLATFORM}"]
    assert files["service.toml"] == (rust_world.WORLD / "hero_db" / "service.toml").read_bytes()

    assert "nothing to do" in world.ok("publish", "hero_db", "--tag", "v1", "--to", out(world), "--with-legacy-names")

    person = buyer(world, out(world))
    person.ok("install", "hero_db", "--mode", "download")
    commit = git_repos.git(rust_world.upstream(world.mirror, "hero_db").work, "rev-parse", "HEAD")
    entry = publish_cli.manifest(person)["hero_db"]
    assert (entry["source"]["commit"], entry["source"]["dirty"], entry["version"]) == (commit, False, "v1")
    record = json.loads(files[records[0]])
    fingerprint = entry["build"]["fingerprint"]
    assert (fingerprint["toolchain"], fingerprint["lock"]) == (record["toolchain"], record["lock"])
    assert fingerprint["build"] == record["fingerprint"]
    assert fingerprint["runner"] == record["runner"]["system"]
    for name in publish_cli.PROGRAMS:
        path = person.world.root.path / "bin" / name
        assert path.read_bytes() == files[f"{name}-{PLATFORM}"]
    assert "as recorded in generation 1" in person.ok("verify").out
    shown = publish_cli.document(person.ok("show", "hero_db", "--release", "v1", "--json"))
    assert [build["commit"] for build in shown["builds"]] == [commit]
    assert commit[:12] in person.ok("show", "hero_db", "--release", "v1").out

    report = publish_cli.document(person.ok("verify", "--against-release", "--json"))
    assert report["against"] == {
        "parts": [{"part": "hero_db", "forge": out(world), "tag": "v1", "files": 3, "differs": []}],
        "failed": [],
    }
    rust_world.upstream(world.mirror, "hero_db").commit({"src/bin/hero_db.rs": "fn main() {}\n"}, "development")
    world.ok("install", "hero_db", "--mode", "source", "--update")  # another build than that which was published
    mine = world.run("verify", "--against-release", "--forge", out(world))
    assert mine.code == 5
    assert "hero_db: bin/hero_db has sha256" in mine.out


def test_a_dirty_checkout(world: World) -> None:
    upstream = rust_world.upstream(world.mirror, "hero_db")
    path = world.root.path / "code0" / upstream.repo
    path.parent.mkdir(parents=True)
    git_repos.git(path.parent, "clone", "--quiet", str(upstream.bare), str(path))
    (path / "service.toml").write_text("# mine\n" + (path / "service.toml").read_text())
    source_builds.assert_refused(
        world,
        Refusal(
            8,
            kind="CheckoutRefused",
            message=f"{path} has changes that are not committed",
            hint="Commit or stash them; with --allow-dirty the release says that it was built so.",
        ),
        *("publish", "hero_db", "--tag", "v1", "--to", out(world)),
    )
    assert not (world.folder / "out").exists()
    assert publish(world, "v1", "--allow-dirty").code == 0
    person = buyer(world, out(world))
    person.ok("install", "hero_db", "--mode", "download")
    entry = publish_cli.manifest(person)["hero_db"]
    assert entry["source"]["dirty"] is True
    assert released(world, "v1")["service.toml"].startswith(b"# mine\n")


def test_it_does_not_compile(world: World) -> None:
    rust_world.upstream(world.mirror, "hero_db").commit({"src/bin/hero_db.rs": source_builds.BROKEN}, "development")
    done = publish(world, "v1", "--json")
    assert done.code == 6
    document = worlds.valid(done.document)
    assert document["releases"] == []
    (problem,) = document["failed"]
    assert (problem["kind"], problem["app"]) == ("BuildError", "hero_db")
    assert problem["tail"]
    assert not (world.folder / "out").exists()


def test_another_platform_than_this_machine_s(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named, with the command: the target, and then the linker."""
    triple = "aarch64-unknown-linux-musl" if "amd64" in MUSL else "x86_64-unknown-linux-musl"
    done = publish(world, "v1", "--platform", OTHER)
    assert done.code == 8
    assert f"error: hero_db: Rust's {triple} target is not on this machine" in done.err
    assert f"`rustup target add {triple}`" in done.err
    library = tmp_path / "library"
    library.mkdir()
    (library / "libcore-1.rlib").touch()
    spies = source_builds.spies(tmp_path / "bin", "rustc")  # the target is there, as far as rustc tells
    script = (spies.folder / "rustc").read_text()
    lie = f'case "$*" in *target-libdir*) echo {library}; exit;; esac\n'
    (spies.folder / "rustc").write_text(script.replace("\nexec", f"\n{lie}exec"))
    monkeypatch.setenv("PATH", spies.path())
    done = publish(world, "v1", "--platform", OTHER)
    assert done.code == 8
    assert f"error: hero_db: a build for {triple} on this machine needs cargo-zigbuild" in done.err
    assert "/bin/pip install cargo-zigbuild`" in done.err
    assert not (world.folder / "out").exists()


def test_what_is_built_already(static: World, tmp_path: Path) -> None:
    """--from: for two platforms at once, verified as a build's programs are."""
    folder = publish_cli.dist(tmp_path / "dist", MUSL, OTHER)
    done = publish(static, "v1", "--from", folder, "--platform", MUSL, "--platform", OTHER)
    assert done.code == 0, done.err
    files = released(static, "v1")
    assert files[f"hero_db-{OTHER}"] == (tmp_path / "dist" / f"hero_db-{OTHER}").read_bytes()
    schema = json.loads((SCHEMAS / "build-record.schema.json").read_text())
    record = json.loads(files[f"hero_db-{MUSL}.build.json"])
    jsonschema.validate(record, schema)
    assert (record["toolchain"], record["lock"], record["fingerprint"]) == ("", None, "")  # no one here knows
    person = buyer(static, out(static))
    person.ok("install", "hero_db", "--mode", "download")
    assert "1 part as released" in person.ok("verify", "--against-release").out

    (tmp_path / "plain").mkdir()
    for name in publish_cli.PROGRAMS:  # as cargo calls them
        (tmp_path / "plain" / name).write_bytes(publish_cli.built(name, "v2", MUSL))
    assert publish(static, "v2", "--from", str(tmp_path / "plain")).code == 0
    assert released(static, "v2")[f"hero_db-{MUSL}"] == publish_cli.built("hero_db", "v2", MUSL)


TEXT = b"#!/bin/sh\necho hello\n"


@pytest.mark.parametrize(
    ("changed", "code", "says"),
    [
        ({"hero_db": None}, 3, "has neither hero_db-"),
        ({"hero_db": TEXT}, 5, "hero_db is "),
        ({"hero_db": b""}, 5, "hero_db is "),
        ({"hero_db_admin": publish_cli.built("hero_db_admin", "v1", OTHER)}, 5, "hero_db_admin is "),
        ({"hero_db": publish_cli.built("hero_db", "v1", MUSL)[:300]}, 5, "hero_db"),
        ({"hero_db": dynamic_bytes(b"x\n", "/opt/ld-musl.so.1", b"MUSL")}, 5, "asks for the loader /opt/ld-musl.so.1"),
    ],
    ids=["missing", "script", "empty", "other-machine", "cut-off", "other-loader"],
)
def test_what_is_no_program_is_never_published(
    static: World, tmp_path: Path, changed: dict[str, bytes | None], code: int, says: str
) -> None:
    folder = publish_cli.dist(tmp_path / "dist", changed=changed)
    done = publish(static, "v1", "--from", folder, "--json")
    (problem,) = worlds.valid(done.document)["failed"]
    assert (done.code, problem["exit"], problem["app"]) == (code, code, "hero_db")
    assert says in problem["message"]
    assert problem["hint"]
    assert not (static.folder / "out").exists()


def test_a_release_that_is_another(static: World, tmp_path: Path) -> None:
    assert publish(static, "v1", "--from", publish_cli.dist(tmp_path / "one")).code == 0
    before = released(static, "v1")
    other = publish_cli.dist(tmp_path / "two", version="v2")
    done = publish(static, "v1", "--from", other)
    assert done.code == 2
    assert "error: hero_db: v1 is in the mirror already, with another hero_db_server-" in done.err
    assert "--clobber" in done.err
    assert released(static, "v1") == before
    assert publish(static, "v1", "--from", other, "--clobber").code == 0
    assert released(static, "v1")[f"hero_db-{MUSL}"] == publish_cli.built("hero_db", "v2", MUSL)


def test_installed_bytes_beside_a_release(static: World, tmp_path: Path) -> None:
    """What differs, is not there, cannot be found; and digests that no one tells."""
    for tag in ("v1", "v2"):
        assert publish(static, tag, "--from", publish_cli.dist(tmp_path / tag, version=tag)).code == 0
    person = buyer(static, out(static))
    person.ok("install", "hero_db", "--mode", "download", "--version", "v1")
    mine, theirs = (hashlib.sha256(publish_cli.built("hero_db", tag, MUSL)).hexdigest()[:12] for tag in ("v1", "v2"))
    done = person.run("verify", "--against-release", "--version", "v2")
    assert done.code == 5
    assert f"hero_db: bin/hero_db has sha256 {mine}…, the release has {theirs}…" in done.out
    assert "1 of 1 part differ" in done.out
    done = person.run("verify", "--against-release", "--version", "v3", "--json")
    assert (done.code, worlds.valid(done.document)["against"]["failed"][0]["kind"]) == (3, "ReleaseNotFound")
    assert person.run("verify", "--version", "v2").code == 2

    files = mirrors.programs("v1", *publish_cli.PROGRAMS)
    mirrors.release(static.folder / "bare", app="hero_db", tag="v1", files=files, checksums=False)
    (static.folder / "bare" / "o").rename(static.folder / "bare" / "lhumina_code")
    document = static.folder / "bare" / "lhumina_code" / "hero_db" / "v1" / "release.json"
    document.write_text(document.read_text().replace('"o/', '"lhumina_code/'))
    bare = ("--forge", (static.folder / "bare").as_uri())
    assert "1 part as released" in person.ok("verify", "--against-release", *bare).out
    path = person.world.root.path / "bin" / "hero_db"
    path.chmod(0o755)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    done = person.run("verify", "--against-release", "--json", *bare)
    assert done.code == 5
    (compared,) = worlds.valid(done.document)["against"]["parts"]
    assert [sentence.split(" has ")[0] for sentence in compared["differs"]] == ["bin/hero_db"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--tag", "v1..x"), "'v1..x' cannot be a tag"),
        (("--tag", "v 1"), "'v 1' cannot be a tag"),
        (("--tag", ""), "cannot be a tag"),
        (("--tag", "v1", "--draft"), "a mirror has no drafts"),
        (("--tag", "v1", "--to", "ftp://host"), "cannot publish to 'ftp://host'"),
        (("--tag", "v1", "--platform", "windows"), "'windows' is not a platform"),
        (("--tag", "v1", "--platform", "linux-amd64-gnu", "--matrix", "{}"), "--matrix and --platform exclude"),
        (("--tag", "v1", "--matrix", "{}"), "invalid matrix"),
        (("--tag", "v1", "--matrix", '{"include":[]}'), "the matrix has no job for hero_db"),
        (("--tag", "v1", "-n", "a", "-F", "b"), "--notes and --notes-file exclude each other"),
        (("--tag", "v1", "-F", "/nowhere"), "/nowhere cannot be read"),
        (("--tag", "v1", "-F", "/dev/zero"), "/dev/zero has more than 1,000,000 characters"),
        (("--tag", "v1", "--finish", "--draft"), "--finish builds nothing"),
        (("--tag", "v1", "--key", "/nowhere"), "the key /nowhere cannot be read"),
        (("--tag", "v1", "--from", "/nowhere"), "'/nowhere' does not exist"),
    ],
)
def test_what_cannot_be_meant(world: World, words: tuple[str, ...], says: str) -> None:
    """Before anything is cloned, built or asked."""
    done = world.run("publish", "hero_db", "--to", out(world), *words)
    assert done.code == 2, done.err
    assert says in done.err
    assert "  hint: " in done.err
    assert not (world.root.path / "code0").exists()
    assert not (world.folder / "out").exists()


def test_a_package_in_a_mirror(tmp_path: Path) -> None:
    """A recipe like zinit's: what it publishes is where it looks for it."""
    world = publish_cli.hero_db(tmp_path, libc="musl")
    text = (world.recipes / "hero_db.py").read_text()
    package = '\n    def package(self, version):\n        return Package("lhumina_code", "db", version or "dev")\n'
    publish_cli.recipe(world, "hero_db", text.replace("Recipe, admin", "Package, Recipe, admin") + package)
    folder = publish_cli.dist(tmp_path / "dist")
    for _ in range(2):
        done = publish(world, "dev", "--from", folder)
        assert done.code == 0, done.err
    assert "nothing to do" in done.out
    place = world.folder / "out" / "api" / "packages" / "lhumina_code" / "generic" / "db" / "dev"
    assert (place / f"hero_db-{MUSL}").read_bytes() == publish_cli.built("hero_db", "v1", MUSL)
    person = buyer(world, out(world))
    person.ok("install", "hero_db", "--mode", "download")
    assert "1 part as released" in person.ok("verify", "--against-release").out


def test_several_apps_of_which_one_fails(static: World, tmp_path: Path) -> None:
    mirrors.recipe(static.recipes, "other", ("other",))
    git_repos.upstream(static.mirror, "o/other", {"README": "nothing to build"})
    words = ("publish", "hero_db", "other", "--tag", "v1", "--from", publish_cli.dist(tmp_path / "dist"), "--json")
    done = static.run(*words, "--to", (static.recipes / "hero_db.py").as_uri())
    assert "there can be no mirror at" in done.err
    assert (done.code, {item["exit"] for item in done.document["failed"]}) == (1, {2, 3})
    done = static.run(*words, "--to", out(static))
    document = worlds.valid(done.document)
    assert [release["repo"] for release in document["releases"]] == ["lhumina_code/hero_db"]
    assert [(problem["app"], problem["exit"]) for problem in document["failed"]] == [("other", 3)]
    assert done.code == 1


def test_two_assets_of_one_name(static: World, tmp_path: Path) -> None:
    """A recipe that gives its binaries one name between them: nothing becomes of it."""
    text = (static.recipes / "hero_db.py").read_text()
    same = '\n    def asset_name(self, artifact, name, platform):\n        return f"one-{platform}"\n'
    publish_cli.recipe(static, "hero_db", text + same)
    folder = Path(publish_cli.dist(tmp_path / "dist"))
    (folder / f"hero_db-{MUSL}").rename(folder / f"one-{MUSL}")
    done = publish(static, "v1", "--from", str(folder))
    assert done.code == 2
    assert f"error: hero_db: two assets would be called one-{MUSL}" in done.err
    assert not list((static.folder / "out").rglob("v1"))


def test_the_jobs_of_a_release(world: World) -> None:
    """Those of apps that have changed; an app that is not cloned yet counts as changed."""
    words = ("ci", "matrix", "hero_db", "--changed-since")
    (job,) = json.loads(world.ok(*words, "HEAD"))["include"]
    assert job == {"app": "hero_db", "what": PLATFORM, "platform": PLATFORM, "islands": ""}
    upstream = rust_world.upstream(world.mirror, "hero_db")
    checkout = world.root.path / "code0" / upstream.repo
    checkout.parent.mkdir(parents=True)
    git_repos.git(checkout.parent, "clone", "--quiet", str(upstream.bare), str(checkout))
    first = git_repos.git(checkout, "rev-parse", "HEAD")
    git_repos.git(world.recipes, "init", "--quiet")
    git_repos.commit(world.recipes, {})  # the recipe is part of it
    git_repos.git(world.recipes, "tag", "base")
    git_repos.git(checkout, "tag", "base")
    assert json.loads(world.ok(*words, "base")) == {"include": []}
    git_repos.commit(checkout, {"src/bin/hero_db.rs": "fn main() {}\n"})
    assert len(json.loads(world.ok(*words, "base"))["include"]) == 1
    done = world.run(*words, f"{first[:-1]}x", "--json")
    assert (done.code, worlds.valid(done.document, "error")["error"]["kind"]) == (3, "RefNotFound")
    assert world.run("ci", "matrix", "hero_db", "--platform", "windows").code == 2
