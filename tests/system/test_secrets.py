"""Secrets are gone from where other processes of the same user look before any command runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hero_build.system.environment import SECRETS, TOKENS

PROBE = """
import ctypes, os, subprocess, sys
from hero_build import cli, settings

def command():
    other = subprocess.run(["cat", f"/proc/{os.getpid()}/environ"], capture_output=True).stdout
    with open("/proc/self/environ", "rb") as file:
        own = file.read()
    print(b"s3cret" in other, b"s3cret" in own, b"BESIDE=kept" in own)
    print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
    token = settings.read({"root": "/tmp/nowhere"}, os.environ).token
    print(type(token).__name__, token.reveal() if token else "")
    print(os.environ["BESIDE"], subprocess.run(["printenv", "BESIDE"], capture_output=True, text=True).stdout.strip())
    return 0

cli._run = command
cli.run()
"""
"""Looks, in place of the command, at what is there when it would start."""


def run(*words: str, **more: str) -> list[str]:
    env = {**{name: value for name, value in os.environ.items() if name not in SECRETS}, "BESIDE": "kept", **more}
    done = subprocess.run([sys.executable, "-c", PROBE, *words], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("word", ["--version", "list", "install", "publish"])
def test_a_secret_is_erased_before_any_command(name: str, word: str) -> None:
    seen, dumpable, token, beside = run(word, **{name: "s3cret-value"})
    assert (seen, dumpable, beside) == ("False False True", "0", "kept kept")
    expected = {"publish": "SealedSecret"}.get(word, "Secret") if name == "FORGEJO_TOKEN" else "NoneType"
    assert token.split() == [expected, *(["s3cret-value"] if name == "FORGEJO_TOKEN" else [])]


def test_all_of_them_at_once() -> None:
    for word in ("list", "publish"):
        seen, _, token, _ = run(word, **{name: f"s3cret-{name}" for name in SECRETS})
        assert seen == "False False True"
        assert token.endswith("s3cret-FORGEJO_TOKEN")


def test_without_a_secret_the_process_is_as_it_was() -> None:
    seen, dumpable, token, beside = run("publish")
    assert (seen, dumpable, token, beside) == ("False False True", "1", "NoneType ", "kept kept")


@pytest.mark.parametrize("value", ["0", "77", "x", ""])
def test_a_descriptor_that_is_no_sealed_token_is_ignored(value: str) -> None:
    *_, token, _ = run("publish", HERO_BUILD_SEALED_TOKEN=value)
    assert token == "NoneType "


def test_a_token_that_no_header_can_have_is_not_sealed() -> None:
    """The settings and the forge say what is wrong with it."""
    seen, _, token, _ = run("publish", FORGEJO_TOKEN="s3cret with spaces")
    assert (seen, token) == ("False False True", "Secret s3cret with spaces")


def test_every_token_is_a_secret() -> None:
    assert set(TOKENS) < set(SECRETS)


@pytest.mark.parametrize("closed", [">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_the_sealed_token_takes_no_number_of_a_closed_stream(closed: str, tmp_path: Path) -> None:
    out = tmp_path / "token"
    probe = f"""
import os, sys
from hero_build import cli, settings

def command():
    token = settings.read({{"root": "/tmp/nowhere"}}, os.environ).token
    with open({str(out)!r}, "w") as file:
        file.write(f"{{token.descriptor > 2}} {{token.reveal()}}")
    return 0

cli._run = command
cli.run()
"""
    env = {**os.environ, "FORGEJO_TOKEN": "s3cret"}
    words = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", probe, "publish"]
    assert subprocess.run(words, env=env).returncode == 0
    assert out.read_text() == "True s3cret"
