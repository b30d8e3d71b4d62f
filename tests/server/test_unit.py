"""The systemd unit of the server."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build import settings
from hero_build.server import unit
from hero_build.supervisors.systemd_client import system_manager, user_manager
from support.processes import LONG
from support.worlds import World, valid


def text(root: Path, *, system: bool) -> str:
    manager = system_manager() if system else user_manager(root)
    return unit._text(settings.read({"root": str(root)}, {}), manager)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("system", [True, False])
@pytest.mark.parametrize("name", ["hero", 'he ro %h $HOME "x"'])
def test_systemd_finds_nothing_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, system: bool) -> None:
    monkeypatch.setenv("HERO_RECIPES", f"{tmp_path}/a b:{tmp_path}/50%")
    content = text(tmp_path / name, system=system)
    assert remarks(tmp_path, content, system=system) == []
    broken = content.replace("KillMode=process", "KillMode=nobody").replace("LockPersonality", "LockPersonalities")
    assert len(remarks(tmp_path, broken, system=system)) == 2


def remarks(folder: Path, content: str, *, system: bool) -> list[str]:
    """What systemd says about a unit, line by line."""
    path = folder / unit.NAME
    path.write_text(content)
    env = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "SYSTEMD_LOG_LEVEL": "warning"}
    command = ["systemd-analyze", "--system" if system else "--user", "verify", "--man=no", path]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=LONG)
    return [line for line in done.stderr.splitlines() if unit.NAME in line or str(path) in line]


def test_it_serves_the_cockpit_where_that_is_asked_for(home: World) -> None:
    shown = home.ok("serve", "--http", "127.0.0.1:9470", "--public-url", "https://a.example", "--print-unit")
    assert '"--http" "127.0.0.1:9470" "--public-url" "https://a.example"\n' in shown
    assert home.run("serve", "--http", "0.0.0.0:1", "--print-unit").code == 2


def test_it_names_what_was_set_and_never_the_token(home: World) -> None:
    env = {"FORGEJO_TOKEN": "secret-token", "HERO_SOCKET_DIR": "/run/hero sockets"}
    done = home.run("serve", "--print-unit", "--json", env=env)
    document = valid(done.document)
    assert (done.code, document["pid"], document["unit"]["installed"]) == (0, None, False)
    shown = document["unit"]["text"]
    assert f'"serve" "--root" "{home.root.path}"' in shown
    assert 'Environment="HERO_SOCKET_DIR=/run/hero sockets"' in shown
    assert "secret-token" not in done.out + done.err
    assert home.run("serve", "--print-unit", env=env).out == shown
    assert not home.root.path.exists()


def test_services_of_supervisord_do_not_inherit_a_hardening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit, "_BOOTED", tmp_path)
    named = settings.read({"root": str(tmp_path), "supervisor": "supervisord"}, {})
    assert "NoNewPrivileges" not in unit._text(named, system_manager())
    assert "NoNewPrivileges" in unit._text(replace(named, supervisor="systemd"), system_manager())


def test_without_systemd_nothing_is_installed(home: World, tmp_path: Path) -> None:
    (tmp_path / "systemctl").write_text("#!/bin/sh\necho 'System has not been booted with systemd' >&2\nexit 1\n")
    (tmp_path / "systemctl").chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "XDG_CONFIG_HOME": str(home.folder / "config")}
    done = home.run("serve", "--install-unit", env=env)
    assert (done.code, (home.folder / "config").exists()) == (9, False)
    assert "not been booted" in done.err


def test_it_has_the_options_that_serve_was_given(home: World) -> None:
    words = ("--probe-interval", "2.5", "--wait", "20", "-j", "3", "--supervisor", "zinit")
    shown = home.ok("serve", *words, "--print-unit")
    options = '"--supervisor" "zinit" "--jobs" "3" "--wait" "20" "--probe-interval" "2.5"'
    assert f'"serve" "--root" "{home.root.path}" {options}\n' in shown
    assert f'"serve" "--root" "{home.root.path}"\n' in home.ok("serve", "--print-unit")
