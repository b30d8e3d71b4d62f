"""User-data for cloud-init. Its schema is that of cloud-init itself: tests/scenarios/machines."""

from pathlib import Path

import pytest

from hero_build.fleet import cloud_init, fetch_tool
from support.worlds import World, valid

DIGEST = "0" * 64
WORDS = ("fleet", "cloud-init", "--set", "tester", "--at", "http://10.0.0.1:8080", "--digest", DIGEST)


def test_it_writes_units_and_starts_them(world: World) -> None:
    document = valid(world.run(*WORDS, "--json").document)
    text = document["text"]
    assert world.ok(*WORDS) == text
    assert text.startswith("#cloud-config\n")
    assert "  - [systemctl, enable, hero-set.service, hero.service]\n" in text
    assert cloud_init.TOOL_UNIT not in text  # the image has hero-build


def test_a_name_is_text_in_yaml(world: World) -> None:
    """`no` and `null` are names of users (yaml.org/type/bool.html)."""
    assert '  - name: "no"\n' in world.ok(*WORDS, "--user", "no")


def test_hero_build_is_put_where_the_units_start_it(world: World) -> None:
    tool = ("--tool", "http://10.0.0.1:8080/hero-build", "--tool-digest", DIGEST)
    text = world.ok(*WORDS, *tool, "--program", "/srv/tools/hero-build")
    assert "ExecStartPre=+/usr/bin/mkdir -p /opt/hero-build /srv/tools\n" in text
    assert "ReadWritePaths=/opt/hero-build /srv/tools\n" in text
    done = world.run(*WORDS, *tool, "--program", "/home/hero/bin/hero-build")
    assert (done.code, "home folder /home/hero/bin" in done.err) == (2, True)
    assert "/home/hero/bin/hero-build" in world.ok(*WORDS, "--program", "/home/hero/bin/hero-build")


def test_it_brings_hero_build_by_its_digest(world: World) -> None:
    text = world.ok(*WORDS, "--tool", "http://10.0.0.1:8080/hero-build", "--tool-digest", DIGEST)
    script = Path(fetch_tool.__file__).read_text().splitlines()
    assert all(f"      {line}".rstrip() in text.splitlines() for line in script)
    assert "  - [systemctl, enable, hero-tool.service, hero-set.service, hero.service]\n" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--tool", "http://x/y"), "--tool and --tool-digest go together"),
        (("--tool-digest", DIGEST), "--tool and --tool-digest go together"),
        (("--tool", "ftp://x/y", "--tool-digest", DIGEST), "--tool cannot fetch from 'ftp://x/y'"),
        (("--tool", "http://x/y z", "--tool-digest", DIGEST), "--tool cannot fetch from 'http://x/y z'"),
        (("--tool", "http://x/y", "--tool-digest", "1"), "--tool-digest is '1'"),
    ],
)
def test_a_tool_has_an_address_and_a_digest(world: World, words: tuple[str, ...], message: str) -> None:
    done = world.run(*WORDS, *words)
    assert (done.code, message in done.err) == (2, True), done.err
