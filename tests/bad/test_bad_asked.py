"""Bad input: what was asked for is not there, or cannot be meant."""

from trials import INSTALL, STARTS, Refusal, Row, Stage, Start, each, tried

A_TAG = "A version is a git tag, such as v0.3.2."
ROWS = (
    Row(
        "unknown-app-with-the-nearest",
        Stage.publish,
        Refusal(3, "AppNotFound", "there is no app 'hero_dbs'", "Did you mean hero_db…? `hero-build list` shows all."),
        ("install", "hero_dbs"),
    ),
    Row(
        "unknown-app-like-no-other",
        Stage.publish,
        Refusal(3, "AppNotFound", "there is no app 'qqqqqq'", "`hero-build list` shows all."),
        ("install", "qqqqqq"),
    ),
    Row(
        "unknown-set",
        Stage.publish,
        Refusal(3, "AppNotFound", "there is no set '@cor'", "Did you mean @core? `hero-build list` shows all."),
        ("install", "@cor"),
    ),
    Row(
        "app-name-with-a-slash",
        Stage.publish,
        Refusal(3, "AppNotFound", "there is no app '../db'", "Did you mean db…? `hero-build list` shows all."),
        ("install", "../db"),
    ),
    Row(
        "unknown-tag-with-the-nearest",
        Stage.publish,
        Refusal(3, "ReleaseNotFound", "o/db has no release v21", "Did you mean v2?"),
        (*INSTALL, "--version", "v21"),
    ),
    Row(
        "unknown-tag-like-no-other",
        Stage.publish,
        Refusal(3, "ReleaseNotFound", "o/db has no release nightly", "It has v2."),
        (*INSTALL, "--version", "nightly"),
    ),
    *(
        Row(
            f"asked-for-a-tag-with-{name}",
            Stage.publish,
            Refusal(2, "UnsafeName", f"{tag!r} cannot be a tag", A_TAG),
            (*INSTALL, "--version", tag),
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


@each(ROWS)
def test_asked(row: Row, start: Start, stage: Stage) -> None:
    tried(stage, row, start)
    assert not any("/dl/" in path for path in stage.forge.paths()), "nothing was fetched"
