"""Bad input: a release that lacks something, has it twice, or names it so that no one should write it down."""

from urllib.parse import quote

import pytest

from support.fault_server import document, json_answer, serve
from support.mirrors import asset, programs, sums
from support.refusals import (
    INSTALL,
    STARTS,
    Refusal,
    Row,
    Stage,
    Start,
    check_consistent,
    check_no_leak,
    check_row,
    parametrize_rows,
    prepare_root,
    program_output,
)
from support.worlds import World

DB, ADMIN = asset("db"), asset("db_admin")
LATEST = "/api/v1/repos/o/db/releases/latest"
ANOTHER = "Choose another release with --version TAG, and report this one to its publisher."
WRITES_SUMS = "Report it to the publisher of the release; `sha256sum FILES > SHA256SUMS` writes a valid one."
HEX = "0" * 64
HOSTILE = {
    "a-slash": "../../bin/db",
    "dots": "..",
    "NUL": "db\0admin",
    "a-newline": "db\nerror: all is lost",
    "an-escape": "\x1b[2J\x1b[31mdb",
    "a-title": "\x1b]0;owned\x07db",
    "bidi": "db\u202efle",
}


def twice(stage: Stage) -> None:
    """Two assets of one name, as a second upload makes them on a real forge."""
    files = stage.publish()
    stage.latest("v2", {name: len(data) for name, data in files.items()}, (ADMIN, 7))


def nothing(stage: Stage) -> None:
    stage.forge.release("o/db", "v2", {})


def no_release(stage: Stage) -> None:
    stage.forge.release("o/db", "v2", {}, latest=False)


def no_repo(stage: Stage) -> None:
    """The server has no such repository, and says 404 to everything."""


def many(stage: Stage) -> None:
    stage.forge.release("o/db", "v2", {f"other-{number:02}": b"x" for number in range(30)})


def unreadable(name: str, content: bytes, message: str) -> Row:
    return Row(
        f"SHA256SUMS-{name}",
        lambda stage: stage.publish(checksums=content),
        Refusal(5, kind="InvalidChecksumFile", message=message, hint=WRITES_SUMS),
        starts=STARTS if name == "in-prose" else STARTS[:1],
    )


ROWS = (
    Row(
        "no-asset-lists-what-it-has",
        lambda stage: stage.publish(db_admin=None),
        Refusal(
            3,
            kind="AssetNotFound",
            message=f"release v2 of o/db has no asset {ADMIN}",
            hint=f"It has: {DB}, SHA256SUMS. Nearest: {DB}.",
        ),
    ),
    Row(
        "no-asset-of-many",
        many,
        Refusal(
            3,
            kind="AssetNotFound",
            message=f"release v2 of o/db has no asset {DB}",
            hint="It has: other-00, …, other-19, ….",
        ),
    ),
    Row(
        "no-assets-at-all",
        nothing,
        Refusal(
            3, kind="AssetNotFound", message=f"release v2 of o/db has no asset {DB}", hint="It has no assets at all."
        ),
    ),
    Row(
        "two-assets-that-fit",
        twice,
        Refusal(
            3,
            kind="AmbiguousAsset",
            message=f"release v2 of o/db has 2 assets named {ADMIN}",
            hint="Delete all but one on the forge: http://…/dl/v2/… and http://…/dl/v2/….",
        ),
    ),
    Row(
        "no-release",
        no_release,
        Refusal(
            3,
            kind="ReleaseNotFound",
            message="o/db has no release",
            hint="Drafts and prereleases do not count as newest; select one with --version.",
        ),
    ),
    Row(
        "no-repository",
        no_repo,
        Refusal(
            3,
            kind="RepoNotFound",
            message="http://127.0.0.1:… shows no repository o/db",
            hint="A private repository answers 404 without read access: may the token in FORGEJO_TOKEN read it?",
        ),
    ),
    unreadable("in-prose", b"see our web site\n", "SHA256SUMS, line 1, is not `hash  name`: 'see our web site'"),
    unreadable("is-a-login-page", b"<!DOCTYPE html>\n", "SHA256SUMS, line 1, is not `hash  name`: '<!DOCTYPE html>'"),
    unreadable("is-binary", bytes(range(128, 256)), "SHA256SUMS is not text"),
    unreadable("is-empty", b"\n", "SHA256SUMS names no file"),
    unreadable(
        "contradicts-itself",
        f"{HEX}  {DB}\n{HEX[1:]}1  {DB}\n".encode(),
        f"SHA256SUMS has two digests for '{DB}'",
    ),
    unreadable("has-an-escape", f"{HEX}  \x1b[31m{DB}\n".encode(), "SHA256SUMS, line 1, contains control characters"),
    Row(
        "no-checksum-where-one-is-required",
        arrange=lambda stage: stage.publish(checksums=False),
        refusal=Refusal(
            5,
            kind="InvalidChecksumFile",
            message=f"release v2 of o/db has no checksum for {DB}",
            hint=f"Publish {DB}.sha256 or SHA256SUMS, or use --checksum if-present.",
        ),
        words=(*INSTALL, "--checksum", "required"),
    ),
    *(
        Row(
            f"tag-with-{name}",
            lambda stage, tag=tag: stage.latest(tag, {}),  # type: ignore[misc]
            Refusal(
                4,
                kind="BadForgeResponse",
                message=f"a release of o/db has an invalid tag: {tag!r}",
                hint=ANOTHER,
            ),
            starts=("empty-root",),
        )
        for name, tag in HOSTILE.items()
    ),
)


@parametrize_rows(ROWS)
def test_release(row: Row, start: Start, stage: Stage) -> None:
    check_row(stage, row, start)
    assert not any(path.endswith((DB, ADMIN)) for path in stage.forge.paths()), "no program was fetched"


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", HOSTILE)
def test_asset_name_with(name: str, start: Start, stage: Stage) -> None:
    """The asset is ignored with a warning; the release is usable without it."""
    root = prepare_root(stage.world, start).root
    files = stage.publish()
    stage.latest("v2", {item: len(data) for item, data in files.items()}, (HOSTILE[name], 4))
    done = stage.world.run(*INSTALL, *(["--json"] if start == "empty-root" else []), env=stage.environ)
    assert done.code == 0, done.err
    assert "warning: o/db v2 has an asset " in done.err
    assert "which is ignored: the name is not safe" in done.err
    check_no_leak(done)
    assert program_output(root) == "db v2\n"
    check_consistent(root)


def test_asset_name_with_all_that_is_allowed(world: World, stage: Stage) -> None:
    """Odd, and one path segment all the same: asked for as that one segment, and found in SHA256SUMS."""
    name = "d b+c%2e&é?#;=@~'.x"
    recipe = world.recipe("odd", "odd")
    recipe.write_text(f"{recipe.read_text()}    def asset_name(self, *of: object) -> str:\n        return {name!r}\n")
    content = programs("v2", "odd")[asset("odd")]
    files = {name: content, "SHA256SUMS": sums({name: content})}
    stage.forge.release("o/odd", "v2", files)
    stage.forge.on(f"/dl/v2/{quote(name, safe='')}", serve(content))
    release = document(stage.forge.url, "v2", {name: len(data) for name, data in files.items()})
    release["assets"][0]["browser_download_url"] = f"{stage.forge.url}/dl/v2/{quote(name, safe='')}"
    stage.forge.on("/api/v1/repos/o/odd/releases/latest", json_answer(release))
    done = prepare_root(world, "over-v1").run("install", "odd", "--mode", "download", env=stage.environ)
    assert done.code == 0, done.err
    assert (program_output(world.root), program_output(world.root, "odd")) == ("db v1\n", "odd v2\n")
