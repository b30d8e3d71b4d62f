"""Units of services, as systemd itself understands them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from hero_build.errors import NotWritable
from hero_build.install.layout import Root
from hero_build.model.services import Definition
from hero_build.supervisors import systemd_unit
from hero_build.supervisors.protocol import Timeouts
from hero_build.supervisors.systemd import Systemd
from hero_build.supervisors.systemd_client import SystemdManager


def definition(root: Path) -> Definition:
    return Definition(name="app_server:a", command=("/bin/true",), folder=root, log=root / "log")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_no_fault_in_a_unit(tmp_path: Path) -> None:
    words = ("/bin/sh", "-c", 'a % b $C ; "d" \\')
    unit = tmp_path / systemd_unit.unit_name("app_server:a")
    unit.write_text(systemd_unit.render(definition(tmp_path), words=words, root=tmp_path, target="multi-user.target"))
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert unit.name not in done.stderr, done.stderr
    assert systemd_unit.root_of(unit.read_text()) == str(tmp_path)
    assert systemd_unit.service_of(unit.name) == "app_server:a"


@pytest.mark.parametrize("text", ["[Service]\nExecStart=/bin/true\n", "[Unit]\nX-HeroBuild-Root=/other\n"])
def test_a_unit_of_somebody_else_or_of_another_root_is_left_alone(tmp_path: Path, text: str) -> None:
    manager = SystemdManager("--system", tmp_path, target="multi-user.target")
    unit = tmp_path / "hero-app_server:a.service"
    unit.write_text(text)
    with pytest.raises(NotWritable) as caught:
        Systemd(Root(tmp_path / "hero"), manager, Timeouts()).define(definition(tmp_path))
    assert str(unit) in caught.value.message
    assert unit.read_text() == text
