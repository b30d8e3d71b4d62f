"""What earlier versions left on disk still reads, value by value (tests/fixtures/documents)."""

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from hero_build import manifest, settings
from hero_build.forge import build_record, lockfile
from hero_build.forge.build_record import BuildRecord, Runner
from hero_build.forge.mirror import Mirror
from hero_build.forge.protocol import Ref
from hero_build.install import islands_index, seal
from hero_build.install.islands import INDEX
from hero_build.install.layout import Root
from hero_build.model.artifacts import GenericPackage
from hero_build.model.installed import Adopted, Elf, FileEntry, Generation, InstalledArtifact, Origin, PartId
from hero_build.model.steps import Asset, Release
from hero_build.ops import noop_cache

FOLDER = Path(__file__).parents[2] / "fixtures" / "documents" / "0.1.0"
GENERATION = FOLDER / "root" / "var" / "hero_build" / "generations" / "8"
FORGE = "file:///srv/mirror"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """The root as that version left it; git keeps no empty folders and no links that dangle."""
    shutil.copytree(FOLDER / "root", tmp_path / "hero")
    made = Root(tmp_path / "hero")
    made.current.symlink_to("generations/8")
    return made


@pytest.fixture
def generation(root: Root) -> Generation:
    return manifest.load(root.path)


def mirror(tmp_path: Path) -> Mirror:
    shutil.copytree(FOLDER / "mirror", tmp_path / "mirror")
    return Mirror((tmp_path / "mirror").as_uri())


def artifact(generation: Generation, part: PartId, name: str) -> InstalledArtifact:
    return {entry.name: entry for entry in generation.records[part].entries}[name]


def test_manifest_head_and_parts(generation: Generation) -> None:
    assert (generation.number, generation.created) == (8, "2026-11-28T04:55:51Z")
    assert (generation.tool, generation.action) == ("hero-build 0.1.0", "install app")
    assert [str(part) for part in generation.records] == [
        "app",
        "hero_archipelagos/clock",
        "hero_archipelagos/notes",
        "hero_db",
        "hero_embedder",
        "hero_os",
        "hero_os/hero_os_app",
        "zinit",
    ]
    assert generation.adopted == (
        Adopted("bin/hero_db", "file"),
        Adopted("bin/zinit", "link"),
        Adopted("share/hero_os/shell", "folder"),
    )


def test_manifest_download_with_a_legacy_name(generation: Generation) -> None:
    assert generation.records[PartId("hero_db")].origin == Origin(
        version="v0.1.0",
        requested="download",
        used="download",
        why="release v0.1.0 carries all 3 binaries",
        forge=FORGE,
        repo="lhumina_code/hero_db",
        tag="v0.1.0",
        commit="4" * 40,
        dirty=None,
    )
    digest = "5a4dcaa989092ea067900a7d7906449400ee9358f3d85f85b3d400f95e8e2a36"
    assert artifact(generation, PartId("hero_db"), "hero_db_admin") == InstalledArtifact(
        "hero_db_admin",
        artifact="binary",
        files=(FileEntry("bin/hero_db_admin", sha256=digest, size=4824, mode=0o755),),
        kind="admin",
        asset="hero_db_ui-linux-amd64-gnu",
        asset_id="v0.1.0-hero_db_ui-linux-amd64-gnu",
        asset_sha256=digest,
        legacy_name=True,
        verified=("length", "sha256", "elf"),
        elf=Elf("x86_64", libc="gnu", static=True),
    )


def test_manifest_library(generation: Generation) -> None:
    library = artifact(generation, PartId("hero_embedder"), "libonnxruntime.so.1")
    assert (library.artifact, library.kind, library.verified) == ("library", None, ("sha256", "elf"))
    (file,) = library.files
    assert (file.path, file.size, file.mode) == ("lib/libonnxruntime.so.1", 15648, 0o644)


def test_manifest_source_build(generation: Generation) -> None:
    origin = generation.records[PartId("app")].origin
    assert (origin.used, origin.tag, origin.dirty) == ("source", None, False)
    assert origin.commit == "007b1092a789d65a0a992b50f2abd35d5f615723"
    assert origin.build is not None
    assert (origin.build.ref, origin.build.wrapper) == ("main", "")
    words = dict(origin.build.fingerprint.parts)
    assert words["toolchain"] == "rustc 1.95.0 (59807616e 2026-04-14) 54d29b79"
    assert len(words) == 9


def test_manifest_bundles(generation: Generation) -> None:
    shell = artifact(generation, PartId("hero_os", "hero_os_app"), "hero_os_app")
    assert (shell.artifact, shell.asset, len(shell.files)) == ("bundle", "hero_os_app-wasm.tar.gz", 5)
    assert {file.mode for file in shell.files} == {0o644}
    notes = generation.records[PartId("hero_archipelagos", "notes")].origin
    assert notes.build is not None
    assert (notes.used, notes.build.ref, notes.build.wrapper) == ("source", "development", "sccache")
    assert dict(notes.build.fingerprint.parts)["bundles"].split()[:2] == ["wasm-pack", "--no-opt"]
    clock = generation.records[PartId("hero_archipelagos", "clock")]
    assert (clock.origin.why, clock.origin.build) == ("release v1 carries all 2 bundles", None)
    assert clock.entries[0].files[1].path == "share/hero_os/islands/clock/clock.js"


def test_manifest_is_written_as_it_was(generation: Generation) -> None:
    assert manifest.dump(generation) == (GENERATION / "manifest.json").read_text()


def test_manifest_fits_todays_schema() -> None:
    schema = json.loads((Path(__file__).parents[3] / "docs" / "manifest.schema.json").read_text())
    jsonschema.validate(json.loads((GENERATION / "manifest.json").read_text()), schema)


def test_islands_index_is_made_as_it_was(generation: Generation) -> None:
    text = islands_index.render(generation.records)
    assert text == (GENERATION / INDEX).read_text()


def test_seal(root: Root, generation: Generation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "_stamp", lambda status: (983366, 4824, 1795841749498289343))
    (root.current / "bin").mkdir()
    (root.current / "bin" / "zinit").write_bytes(bytes(4824))
    (root.path / "bin").mkdir()
    (root.path / "bin" / "zinit").symlink_to("../var/hero_build/current/bin/zinit")
    part = PartId("zinit")
    assert seal.inspect(root, generation, [part])[part].damage == ()
    monkeypatch.setattr(seal, "_stamp", lambda status: (983366, 4824, 1795841749498289344))
    assert seal.inspect(root, generation, [part])[part].damage[0].startswith("bin/zinit has other content")


def test_settings(root: Root) -> None:
    read = settings.read({"root": root.path}, {})
    assert (read.forge, read.coderoot, read.sockets) == (FORGE, Path("/srv/code"), Path("/srv/sockets"))
    assert (read.recipes, read.cache) == ((Path("/srv/recipes"), Path("/srv/more-recipes")), Path("/srv/cache"))
    assert (read.jobs, read.wait, read.depth, read.retries) == (4, 2.5, 1, 2)
    assert (read.connect, read.stall, read.backoff) == (5.0, 90.0, 0.25)
    assert read.plain_http == ("forge.example",)
    assert {read.source(name) for name in ("forge", "cache", "depth", "jobs", "stall")} == {"config"}


def test_receipt_of_another_machine_answers_nothing(root: Root) -> None:
    receipt = (root.state / "receipt").read_text()
    assert receipt.startswith("nothing to do: 3 apps as asked, intact\n\0?0.1.0\0")
    words = ["install", "hero_db", "hero_embedder", "zinit", "--locked", "/srv/hero.lock"]
    assert noop_cache.recall(words, {"HERO_ROOT": str(root.path)}) is None


def test_lock_file() -> None:
    lock = lockfile.read(FOLDER / "hero.lock")
    assert (lock.arch, lock.forge) == ("amd64", FORGE)
    database, embedder, package = lock.pins
    assert [pin.app for pin in lock.pins] == ["hero_db", "hero_embedder", "zinit"]
    assert (database.release.repo, database.release.tag) == ("lhumina_code/hero_db", "v0.1.0")
    assert (database.release.commit, database.package) == ("4" * 40, None)
    assert database.release.assets[1] == Asset(
        "hero_db_ui-linux-amd64-gnu",
        url=f"{FORGE}/lhumina_code/hero_db/v0.1.0/hero_db_ui-linux-amd64-gnu",
        size=4824,
        id="v0.1.0-hero_db_ui-linux-amd64-gnu",
        sha256="5a4dcaa989092ea067900a7d7906449400ee9358f3d85f85b3d400f95e8e2a36",
    )
    assert (embedder.release.tag, embedder.release.commit) == ("v3", None)
    assert package.package == GenericPackage("o", "zinit", "dev")


def test_mirror_release(tmp_path: Path) -> None:
    forge = mirror(tmp_path)
    release = forge.find(Ref("lhumina_code/hero_db"))  # `latest` names v0.1.0
    assert release == Release(
        forge.url,
        repo="lhumina_code/hero_db",
        tag="v0.1.0",
        assets=release.assets,
        commit="4" * 40,
        prerelease=False,
        created="2026-01-01T00:00:00Z",
    )
    assert release.assets[1] == Asset(
        "hero_db_ui-linux-amd64-gnu",
        url=f"{forge.url}/lhumina_code/hero_db/v0.1.0/hero_db_ui-linux-amd64-gnu",
        size=4824,
        id="v0.1.0-hero_db_ui-linux-amd64-gnu",
        sha256=None,
    )
    published = forge.find(Ref("lhumina_code/hero_db", "v0.2.0"))
    assert (published.commit, published.created) == ("53f0e456dde7b9788d3aaf7e990e666cf67572b9", "2026-11-28T04:55:53Z")
    assert [asset.name for asset in published.assets][-2:] == [
        "hero_db-linux-amd64-gnu.manifest.json.sha256",
        "SHA256SUMS",
    ]
    assert published.assets[0].sha256 == "9a0f0d15e4c0985fb066967f6e40ecf5b508004f7a739de9fcfc0dab16833f2b"


def test_mirror_package(tmp_path: Path) -> None:
    forge = mirror(tmp_path)
    package = GenericPackage("o", "zinit", "dev")
    digest = "5a8632824b8baa88eebcd4ae4148ad846f029340c2512b10e2b56409511a5de2"
    url = f"{forge.url}/api/packages/o/generic/zinit/dev/zinit-linux-amd64-musl"
    assert forge.find(Ref("o/zinit", None, package)).assets == (
        Asset("zinit-linux-amd64-musl", url=url, size=4824, id=digest, sha256=digest),
    )


def test_build_record() -> None:
    name = "hero_db-linux-amd64-gnu.build.json"
    content = (FOLDER / "mirror" / "lhumina_code" / "hero_db" / "v0.2.0" / name).read_bytes()
    record = build_record.decode(content, name)
    assert record == BuildRecord(
        app="hero_db",
        repo="lhumina_code/hero_db",
        tag="v0.2.0",
        what="linux-amd64-gnu",
        commit="53f0e456dde7b9788d3aaf7e990e666cf67572b9",
        dirty=False,
        toolchain="rustc 1.95.0 (59807616e 2026-04-14) 54d29b79",
        lock="d5e8d39b5cc9ce955e901d4916e204bbcc1c268f0ce3c600c19babf61d76cdc8",
        fingerprint="b767ae815d2b4c9eec91e498d2e9a573289a67ceaab696dce7a947d613aa5c19",
        runner=Runner("Linux 6.12.0 x86_64", name="", url=""),
        made=record.made,
        tool="hero-build 0.1.0",
    )
    assert [(item.asset, item.size) for item in record.made] == [
        ("hero_db_server-linux-amd64-gnu", 397960),
        ("hero_db_admin-linux-amd64-gnu", 397912),
        ("hero_db-linux-amd64-gnu", 362912),
        ("hero_db_ui-linux-amd64-gnu", 397912),
    ]
