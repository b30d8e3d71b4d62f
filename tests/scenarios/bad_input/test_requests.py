"""Bad input: what was asked for is not there, or cannot be meant."""

from support.refusals import INSTALL, STARTS, Refusal, Row, Stage, Start, check_row, parametrize_rows

A_TAG = "A version is a git tag, such as v0.3.2."
ROWS = (
    Row(
        "unknown-app-with-the-nearest",
        arrange=Stage.publish,
        refusal=Refusal(
            3,
            kind="AppNotFound",
            message="no app is named 'hero_dbs'",
            hint="Did you mean hero_db…? `hero-build list` shows all.",
        ),
        words=("install", "hero_dbs"),
    ),
    Row(
        "unknown-app-like-no-other",
        arrange=Stage.publish,
        refusal=Refusal(3, kind="AppNotFound", message="no app is named 'qqqqqq'", hint="`hero-build list` shows all."),
        words=("install", "qqqqqq"),
    ),
    Row(
        "unknown-set",
        arrange=Stage.publish,
        refusal=Refusal(
            3,
            kind="AppNotFound",
            message="no set is named '@cor'",
            hint="Did you mean @core? `hero-build list` shows all.",
        ),
        words=("install", "@cor"),
    ),
    Row(
        "app-name-with-a-slash",
        arrange=Stage.publish,
        refusal=Refusal(
            3,
            kind="AppNotFound",
            message="no app is named '../db'",
            hint="Did you mean db…? `hero-build list` shows all.",
        ),
        words=("install", "../db"),
    ),
    Row(
        "unknown-tag-with-the-nearest",
        arrange=Stage.publish,
        refusal=Refusal(3, kind="ReleaseNotFound", message="o/db has no release v21", hint="Did you mean v2?"),
        words=(*INSTALL, "--version", "v21"),
    ),
    Row(
        "unknown-tag-like-no-other",
        arrange=Stage.publish,
        refusal=Refusal(3, kind="ReleaseNotFound", message="o/db has no release nightly", hint="It has v2."),
        words=(*INSTALL, "--version", "nightly"),
    ),
    *(
        Row(
            f"asked-for-a-tag-with-{name}",
            arrange=Stage.publish,
            refusal=Refusal(2, kind="UnsafeName", message=f"{tag!r} cannot be a tag", hint=A_TAG),
            words=(*INSTALL, "--version", tag),
            starts=STARTS[:1],
        )
        for name, tag in {
            "dots": "../v2",
            "a-newline": "v2\nv3",
            "an-escape": "\x1b[31mv2",
            "a-space": "v 2",
        }.items()
    ),
)


@parametrize_rows(ROWS)
def test_asked(row: Row, start: Start, stage: Stage) -> None:
    check_row(stage, row, start)
    assert not any("/dl/" in path for path in stage.forge.paths()), "nothing was fetched"
