"""The table of `decide`, row by row, and the reasons that are given, as sentences and as values."""

import pytest
from msgspec.structs import replace

from hero_build.errors import AssetNotFound, InvalidChecksumFile
from hero_build.model.artifacts import Artifact, Binary, Platform
from hero_build.model.decisions import Build, Decision, Download, Facts, FromSource, Keep, Reason, Remove
from hero_build.model.installed import FileEntry, InstalledArtifact, InstalledPart, Origin, PartId
from hero_build.model.steps import Asset, Installed, Part, Release, Request, SelectedAsset
from hero_build.pipeline.choose import choose
from hero_build.pipeline.decide import decide

DB = Binary("db", "cli")
ADMIN = Binary("db_admin", "admin", formerly="db_ui")
PART = PartId("db")
MUSL = Platform("amd64", "musl")
DIGESTS = {"db": "a" * 64, "db_admin": "b" * 64}


def offer(binary: Binary) -> SelectedAsset:
    return SelectedAsset(
        Asset(f"{binary.name}-{MUSL}", url="https://forge.example/x", size=9, id="id-1"), DIGESTS[binary.name]
    )


def facts(*offered: Binary, release: str | None = "v2", installed: Installed | None = None) -> Facts:
    found = None
    if release:
        found = Release(
            "https://forge.example", repo="o/db", tag=release, assets=tuple(offer(binary).asset for binary in offered)
        )
    return Facts(
        app="db",
        platform=MUSL,
        parts=(Part(PART, (DB, ADMIN)),),
        complete=True,
        installed={} if installed is None else {PART: installed},
        release=found,
        selected={binary: offer(binary) for binary in offered},
        asset_names={DB: (f"db-{MUSL}",), ADMIN: (f"db_admin-{MUSL}", f"db_ui-{MUSL}")},
        choice=FromSource("not chosen yet"),
    )


def entry(binary: Binary) -> InstalledArtifact:
    digest = DIGESTS[binary.name]
    file = FileEntry(f"bin/{binary.name}", sha256=digest, size=9, mode=0o755)
    return InstalledArtifact(
        binary.name,
        artifact="binary",
        files=(file,),
        kind=binary.kind,
        asset=f"{binary.name}-{MUSL}",
        asset_id="id-1",
        asset_sha256=digest,
    )


def installed(tag: str = "v2", **changes: object) -> Installed:
    origin = Origin(tag, requested="auto", used="download", why="", forge="https://forge.example", repo="o/db", tag=tag)
    return Installed(InstalledPart(PART, replace(origin, **changes), (entry(DB), entry(ADMIN))))


def chosen(request: Request, given: Facts) -> Facts:
    """The facts with the choice that belongs to the request, as `resolve` gathers them."""
    choice = choose(request, release=given.release, names=given.asset_names, selected=given.selected)
    return replace(given, choice=choice)


def only(request: Request, given: Facts) -> Decision:
    (decision,) = decide(request, chosen(request, given))
    return decision


@pytest.mark.parametrize("mode", ["auto", "download"])
def test_a_release_that_carries_all_is_downloaded(mode: str) -> None:
    decision = only(Request("db", mode), facts(DB, ADMIN))  # type: ignore[arg-type]
    assert isinstance(decision, Download)
    assert decision.why == "release v2 carries all 2 binaries"
    assert [item.asset.name for item in decision.selected] == [f"db-{MUSL}", f"db_admin-{MUSL}"]
    assert (decision.origin.requested, decision.origin.used, decision.origin.tag) == (mode, "download", "v2")


def test_auto_builds_the_whole_app_when_one_asset_is_missing() -> None:
    assert only(Request("db"), facts(DB)) == Build(
        Part(PART, (DB, ADMIN)), f"release v2 lacks db_admin-{MUSL}", fallback=True
    )


def test_auto_builds_when_there_is_no_release() -> None:
    assert only(Request("db"), facts(release=None)) == Build(
        Part(PART, (DB, ADMIN)), "no release exists", fallback=True
    )
    named = only(Request("db", version="v9"), facts(release=None))
    assert isinstance(named, Build)
    assert named.why == "release v9 does not exist"


def test_download_refuses_when_one_asset_is_missing() -> None:
    with pytest.raises(AssetNotFound) as caught:
        decide(Request("db", "download"), chosen(Request("db", "download"), facts(DB)))
    assert caught.value.message == f"release v2 of o/db has no asset db_admin-{MUSL} (nor db_ui-{MUSL})"
    assert caught.value.hint.startswith(f"It has: db-{MUSL}.")


def test_source_and_ref_never_look_at_releases() -> None:
    assert isinstance(only(Request("db", "source"), facts(DB, ADMIN)), Build)
    assert isinstance(only(Request("db", ref="main"), facts(DB, ADMIN)), Build)


def test_what_is_installed_and_intact_is_kept() -> None:
    given = installed()
    decision = only(Request("db"), facts(DB, ADMIN, installed=given))
    assert decision == Keep(PART, "v2 is installed and intact", given.record.origin)


@pytest.mark.parametrize(
    ("given", "why", "reason"),
    [
        (installed("v1"), "v2 replaces v1", Reason.OTHER_VERSION),
        (replace(installed(), damage=("bin/db is gone",)), "bin/db is gone", Reason.DAMAGED),
        (installed(used="source"), "what is installed was built from source", Reason.OTHER_MODE),
    ],
)
def test_what_differs_from_the_release_is_downloaded_with_its_reason(
    given: Installed, why: str, reason: Reason
) -> None:
    decision = only(Request("db"), facts(DB, ADMIN, installed=given))
    assert isinstance(decision, Download)
    assert decision.reason is reason
    assert decision.why == f"{why}; release v2 carries all 2 binaries"


def test_an_asset_published_anew_under_the_same_tag_is_seen() -> None:
    given = facts(DB, ADMIN, installed=installed())
    other = replace(given, selected={**given.selected, DB: replace(offer(DB), sha256="c" * 64)})
    decision = only(Request("db"), other)
    assert isinstance(decision, Download)
    assert decision.why.startswith("db was published again under v2")
    assert decision.reason is Reason.REPUBLISHED


def test_without_checksums_the_asset_s_identity_decides() -> None:
    given = facts(DB, ADMIN, installed=installed())
    bare: dict[Artifact, SelectedAsset] = {binary: replace(offer(binary), sha256=None) for binary in (DB, ADMIN)}
    assert isinstance(only(Request("db"), replace(given, selected=bare)), Keep)
    bare[DB] = replace(bare[DB], asset=replace(bare[DB].asset, id="id-2"))
    assert isinstance(only(Request("db"), replace(given, selected=bare)), Download)


def test_a_changed_kind_or_set_is_seen() -> None:
    given = facts(DB, ADMIN, installed=installed())
    web = replace(ADMIN, kind="web")
    changed = replace(
        given,
        parts=(Part(PART, (DB, web)),),
        selected={DB: offer(DB), web: offer(ADMIN)},
        asset_names={DB: given.asset_names[DB], web: given.asset_names[ADMIN]},
    )
    assert isinstance(only(Request("db"), changed), Download)
    smaller = replace(given, parts=(Part(PART, (DB,)),), asset_names={DB: given.asset_names[DB]})
    decision = only(Request("db"), smaller)
    assert isinstance(decision, Download)
    assert decision.why.startswith("the recipe's set has changed")
    assert decision.reason is Reason.SET_CHANGED


def test_reset_downloads_again() -> None:
    decision = only(Request("db", reset=True), facts(DB, ADMIN, installed=installed()))
    assert isinstance(decision, Download)
    assert decision.reason is Reason.RESET


def test_checksums_can_be_required() -> None:
    given = facts(DB, ADMIN)
    bare = replace(given, selected={**given.selected, DB: replace(offer(DB), sha256=None)})
    with pytest.raises(InvalidChecksumFile, match=f"no checksum for db-{MUSL}"):
        decide(Request("db", checksum="required"), chosen(Request("db", checksum="required"), bare))


def test_parts_that_are_no_longer_part_of_the_app_go_only_when_the_set_is_complete() -> None:
    given = facts(DB, ADMIN)
    old = PartId("db", "old_bundle")
    more = replace(given, installed={old: installed()})
    assert decide(Request("db"), chosen(Request("db"), more))[1:] == (Remove(old, "the recipe no longer has it"),)
    assert len(decide(Request("db"), chosen(Request("db"), replace(more, complete=False)))) == 1


@pytest.mark.parametrize("request_", [Request("db"), Request("db", "source"), Request("db", version="v2")])
def test_it_is_pure(request_: Request) -> None:
    given = facts(DB, ADMIN, installed=installed("v1"))
    assert decide(request_, chosen(request_, given)) == decide(request_, chosen(request_, given))
