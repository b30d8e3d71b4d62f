"""Flag beats environment beats config beats default, and the token leaves the environment."""

import os
import pwd
import re
from pathlib import Path

import pytest

from hero_build.errors import MachineError, UsageError
from hero_build.forge.limits import Limits, limits_of
from hero_build.settings import DEFAULT_FORGE, ConfigFile, read


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
    ("flags", "environ", "text", "message"),
    [
        ({"forge": "x"}, {"FORGEJO_URL": "y"}, 'forge = "z"', "'x' is not a forge (--forge)"),
        ({}, {"FORGEJO_URL": "y"}, 'forge = "z"', "'y' is not a forge (FORGEJO_URL)"),
        ({}, {}, 'forge = "z"', "'z' is not a forge (forge in {file})"),
        ({"jobs": "many"}, {}, "jobs = 2", "jobs is 'many' (--jobs)"),
        ({}, {}, "jobs = 0", "jobs is 0 (jobs in {file})"),
        ({}, {"HERO_CLONE_DEPTH": "-1"}, "", "depth is '-1' (HERO_CLONE_DEPTH)"),
        ({}, {"HERO_SUPERVISOR": "upstart"}, "", "'upstart' is not a supervisor (HERO_SUPERVISOR)"),
    ],
)
def test_the_error_names_where_the_value_is_from(
    tmp_path: Path, flags: dict[str, object], environ: dict[str, str], text: str, message: str
) -> None:
    file = tmp_path / "cfg" / "hero_build.toml"
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read({"root": str(tmp_path), **flags}, environ)
    assert caught.value.message == message.format(file=file)
    assert "--" not in caught.value.hint


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("forge = ", "is not TOML"),
        ("colour = 1", "has no setting 'colour'"),
        ("root = '/x'", "has no setting 'root'"),
        ("jobs = true", "jobs takes a whole number"),
        ("wait = [1]", "wait takes a number of seconds"),
        ("plain_http = 'forge.lan'", "plain_http takes a list of hosts"),
        ("plain_http = [1]", "plain_http takes a list of hosts"),
        ("recipes = [1]", "recipes takes a list of folders"),
        ("coderoot = 3", "coderoot takes a folder in quotes"),
        ("[forge]\nurl = 'x'", "forge takes an address in quotes"),
        ("\xff", "TOML"),
    ],
)
def test_a_broken_config_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "cfg").mkdir()
    (tmp_path / "cfg" / "hero_build.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=sentence):
        read({"root": str(tmp_path)}, {})


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("job = 1", "Did you mean jobs? It may hold: backoff, "),
        ("jobs = []", "Write it like this: jobs = 8"),
        ("recipes = {}", 'Write it like this: recipes = ["recipes", "/srv/recipes"]'),
        ("forge = 1", 'Write it like this: forge = "https://forge.example"'),
    ],
)
def test_the_hint_for_a_wrong_setting_can_be_used(text: str, hint: str, tmp_path: Path) -> None:
    file = tmp_path / "cfg" / "hero_build.toml"
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read({"root": str(tmp_path)}, {})
    assert caught.value.hint.startswith(hint)
    if hint.startswith("Write"):
        file.write_text(hint.partition(": ")[2])
        read({"root": str(tmp_path)}, {})


def test_every_setting_of_the_file_has_a_type_for_its_error(tmp_path: Path) -> None:
    file = tmp_path / "cfg" / "hero_build.toml"
    file.parent.mkdir()
    for name in ConfigFile.__struct_fields__:
        file.write_text(f"{name} = {{}}\n")
        with pytest.raises(UsageError, match=f"{name} takes a") as caught:
            read({"root": str(tmp_path)}, {})
        file.write_text(caught.value.hint.partition(": ")[2])
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
    assert re.match("It takes a (whole number|number of seconds) from 0", caught.value.hint)


def test_folders_in_the_file_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cfg").mkdir()
    text = 'recipes = "mine:/srv/recipes:~/theirs"\ncoderoot = "../code"\nsockets = "s"\ncache = "c"\n'
    (tmp_path / "cfg" / "hero_build.toml").write_text(text)
    monkeypatch.chdir("/")
    monkeypatch.setenv("HOME", "/home/me")
    settings = read({"root": str(tmp_path)}, {})
    assert settings.recipes == (tmp_path / "cfg" / "mine", Path("/srv/recipes"), Path("/home/me/theirs"))
    assert settings.coderoot == tmp_path / "code"
    assert (settings.sockets, settings.cache) == (tmp_path / "cfg" / "s", tmp_path / "cfg" / "c")
    assert read({"root": str(tmp_path)}, {"HERO_RECIPES": "mine"}).recipes == (Path("/mine"),)


def test_recipes_may_be_a_list(tmp_path: Path) -> None:
    (tmp_path / "cfg").mkdir()
    (tmp_path / "cfg" / "hero_build.toml").write_text('recipes = ["mine", "/srv/a:b"]\n')
    settings = read({"root": str(tmp_path)}, {})
    assert settings.recipes == (tmp_path / "cfg" / "mine", Path("/srv/a:b"))


@pytest.mark.parametrize("empty", [True, False])
def test_without_HOME_the_home_is_that_of_passwd(empty: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if empty:
        monkeypatch.setenv("HOME", "")
    else:
        monkeypatch.delenv("HOME")
    assert read({}, {}).root == Path(pwd.getpwuid(os.getuid()).pw_dir) / "hero"


def test_a_user_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache of an installed hero-build is then in the root."""
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    monkeypatch.setattr(
        "hero_build.system.home.__file__", str(tmp_path / "site-packages" / "hero_build" / "system" / "home.py")
    )
    with pytest.raises(MachineError, match="user ID 54321 has no home"):
        read({}, {})
    assert read({"root": str(tmp_path)}, {}).cache == tmp_path / "var" / "hero_build" / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert read({"root": str(tmp_path)}, {}).cache == Path("/caches/hero-build")
    with pytest.raises(UsageError, match="~nobody-of-that-name/x"):
        read({"root": "~nobody-of-that-name/x"}, {})
