"""Flag beats environment beats config beats default, and the token leaves the environment."""

from pathlib import Path

import pytest

from hero_build.errors import UsageError
from hero_build.forge.limits import Limits, limits_of
from hero_build.settings import DEFAULT_FORGE, read


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = read({}, {})
    assert settings.root == tmp_path / "hero"
    assert settings.coderoot == tmp_path / "hero" / "code0"
    assert settings.sockets == tmp_path / "hero" / "var" / "sockets"
    assert settings.forge == DEFAULT_FORGE
    assert settings.token is None
    assert settings.source("root") == "default"


def test_flag_beats_environment_beats_config(tmp_path: Path) -> None:
    (tmp_path / "cfg").mkdir()
    (tmp_path / "cfg" / "hero_build.toml").write_text('forge = "https://c.example"\ncoderoot = "/c"\njobs = 3\n')
    environ = {"HERO_ROOT": str(tmp_path), "FORGEJO_URL": "https://e.example"}
    settings = read({"forge": "https://f.example"}, environ)
    assert (settings.forge, settings.source("forge")) == ("https://f.example", "flag")
    settings = read({}, environ)
    assert (settings.forge, settings.source("forge")) == ("https://e.example", "environment")
    assert (settings.coderoot, settings.source("coderoot")) == (Path("/c"), "config")
    assert settings.jobs == 3


def test_the_token_leaves_the_environment_and_is_never_printed() -> None:
    environ = {"FORGEJO_TOKEN": "hush-hush", "HERO_ROOT": "/x"}
    settings = read({}, environ)
    assert "FORGEJO_TOKEN" not in environ
    assert settings.token is not None
    assert settings.token.reveal() == "hush-hush"
    assert "hush-hush" not in repr(settings) + str(settings.token)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"forge": "forge.example"}, "is not a forge"),
        ({"forge": "https://user:secret@forge.example"}, "may not carry credentials"),
        ({"jobs": 0}, "jobs is 0"),
        ({"wait": "soon"}, "wait is 'soon'"),
        ({"wait": "nan"}, "wait is 'nan'"),
        ({"root": "a\0b"}, "NUL"),
    ],
)
def test_bad_values_are_usage_errors(flags: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as caught:
        read({"root": "/x", **flags}, {})
    assert caught.value.code == 2
    assert "secret" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("forge = ", "is not TOML"),
        ("colour = 1", "unknown field `colour`"),
        ("root = '/x'", "unknown field `root`"),
        ("jobs = true", r"got `bool` - at `\$.jobs`"),
        ("plain_http = 'forge.lan'", r"Expected `array`, got `str` - at `\$.plain_http`"),
        ("\xff", "TOML"),
    ],
)
def test_a_broken_config_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "cfg").mkdir()
    (tmp_path / "cfg" / "hero_build.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=sentence):
        read({"root": str(tmp_path)}, {})


def test_an_operator_on_a_bad_line_changes_the_forge_s_limits(tmp_path: Path) -> None:
    (tmp_path / "cfg").mkdir()
    (tmp_path / "cfg" / "hero_build.toml").write_text("stall = 90\nconnect = 0.5\nretries = 0\nbackoff = 2.5\n")
    settings = read({"root": str(tmp_path)}, {})
    assert settings.source("stall") == "config"
    assert limits_of(settings) == Limits(stall=90, connect=0.5, attempts=1, backoff=2.5)
    assert limits_of(read({"root": "/x"}, {})) == Limits()


@pytest.mark.parametrize("text", ["stall = 0", "connect = -1", "retries = -1", "backoff = nan", "stall = inf"])
def test_limits_that_make_no_sense(tmp_path: Path, text: str) -> None:
    (tmp_path / "cfg").mkdir()
    (tmp_path / "cfg" / "hero_build.toml").write_text(text)
    with pytest.raises(UsageError, match=f"{text.partition(' ')[0]} is ") as caught:
        read({"root": str(tmp_path)}, {})
    assert caught.value.hint.startswith("It takes a number from 0")
