"""What a host lacks is said for that host alone, as data and in a sentence, and nothing is changed there."""

import pytest

from hero_build.platforms import machine_arch
from support import elf_files, mirrors
from support.ansible_fleet import HERO_BUILD, Fleet

NEEDS = elf_files.dynamic_bytes(b"db v2\n")
OLD_GLIBC = """
#include <string.h>
#include <unistd.h>
size_t confstr(int name, char *buffer, size_t size) {
  const char *text = "glibc 2.1";
  if (name == _CS_GNU_LIBC_VERSION && buffer) strncpy(buffer, text, size);
  return strlen(text) + 1;
}
"""
TOO_OLD = """
test "$1" = --version && exec echo hero-build 0.0.1
cat <<END
{"schema": 1, "command": "", "exit": 2, "warnings": [], "error": {"kind": "UsageError", "app": null, "part": null,
 "message": "no such option: --exact", "hint": "", "exit": 2, "tail": [], "log": null}}
END
exit 2
"""


@pytest.fixture
def tool(fleet: Fleet) -> Fleet:
    fleet.world.recipe("tool")
    fleet.world.release("tool", "v1")
    return fleet


def script(fleet: Fleet, name: str, text: str) -> str:
    path = fleet.world.folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_hosts_that_cannot_run_the_set_say_why(tool: Fleet) -> None:
    """An older glibc on one, no hero-build on another, a hero-build that is too old on a third."""
    tool.world.recipe("gnu", libc='"gnu"')
    files = {f"gnu-linux-{machine_arch()}-gnu": NEEDS}
    mirrors.release(tool.world.mirror, app="gnu", tag="v1", files=files)
    shim = tool.world.folder / "old.so"
    shim.write_bytes(elf_files.compiled("old.c", OLD_GLIBC, ("-shared", "-fPIC")))
    shim.chmod(0o755)
    tool.variables["t1"] = {"hero_executable": script(tool, "old-glibc", f'LD_PRELOAD={shim} exec {HERO_BUILD} "$@"')}
    tool.variables["t2"] = {"hero_executable": "/nowhere/hero-build"}
    tool.variables["t3"] = {"hero_executable": script(tool, "too-old", TOO_OLD)}
    tool.variables["t4"] = {"hero_executable": script(tool, "broken", "echo 'it needs Python 3.11' >&2; exit 8")}
    tool.variables["t5"] = {"hero_user": "nobody-of-this-name"}
    tool.variables["t6"] = {"hero_root": str(tool.world.folder / "roots" / "t6")}
    playbook = every_host(tool)
    done = tool.play(playbook, hero_lock=tool.lock("tool@v1", "gnu@v1"))
    assert (done.code, sorted(host for host, state in done.states.items() if state == "ok")) == (2, ["t6"]), done.out
    said = {host: result["msg"] for host, result in done.results.items() if "msg" in result}
    assert "needs GLIBC 2." in said["t1"]
    assert "and this machine has 2.1" in said["t1"]
    assert (done.results["t1"]["failed_apps"], done.results["t1"]["exit_code"]) == (["gnu"], 1)
    assert said["t2"].startswith("/nowhere/hero-build is not installed on this host")
    assert said["t3"] == "no such option: --exact (hero-build 0.0.1 on this host)."
    assert said["t4"].endswith("gave no JSON document (exit 8): it needs Python 3.11")
    assert said["t5"] == "no user is named nobody-of-this-name on this host"
    assert not any((tool.world.folder / "roots" / name).exists() for name in ("t2", "t3", "t4", "t5"))


def every_host(fleet: Fleet) -> str:
    """The upgrade without waves, so that each host is asked."""
    from tools.collection import SOURCE

    text = (SOURCE / "playbooks" / "upgrade.yml").read_text().replace('[1, "10%", "100%"]', '"100%"')
    path = fleet.world.folder / "every-host.yml"
    path.write_text(text)
    return str(path)


TASK = """
- hosts: testers
  gather_facts: false
  tasks:
    - hero.os.hero_set: {arguments}
"""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("{lock: x, locks: y}", "Unsupported parameters for (hero.os.hero_set) module: locks."),
        ("{lock: x, pack: /y}", "parameters are mutually exclusive: lock|pack"),
        ("{lock: x, root: hero}", "root is 'hero', which is not an absolute path"),
        ("{lock: x, root: ''}", "root is '', which is not an absolute path"),
        (
            "{lock: x, root: '{{ hero_root }}', lock_path: my.lock}",
            "lock_path is 'my.lock', which is not an absolute path",
        ),
        ("{pack: my.pyz, root: '{{ hero_root }}'}", "pack is 'my.pyz', which is not an absolute path"),
        ("{at: 'http://127.0.0.1:1'}", "one of the following is required: lock, pack"),
        ("{lock: '{}', root: '{{ hero_root }}', executable: '{{ hero_executable }}'}", "is not a lock file"),
    ],
)
def test_a_task_that_cannot_be_meant_changes_nothing(fleet: Fleet, arguments: str, message: str) -> None:
    path = fleet.world.folder / "task.yml"
    path.write_text(TASK.replace("{arguments}", arguments))
    done = fleet.play(str(path), "--limit", "t1")
    assert (done.code, done.states) == (2, {"t1": "failed"})
    assert message in done.results["t1"]["msg"]
    assert not fleet.hosts["t1"].root.path.exists()


@pytest.mark.parametrize("name", ["site", "upgrade", "rollback"])
def test_a_pattern_that_matches_no_machine_is_an_error(name: str, fleet: Fleet) -> None:
    """Ansible ends with 0 there, which reads as an upgraded fleet."""
    locks = {"hero_lock": "/nowhere", "hero_lock_before": "/nowhere"}
    done = fleet.play(name, hero_hosts="testrs", **locks)
    assert (done.code, done.states) == (2, {"localhost": "failed"}), done.out
    assert 'No machine of the inventory matches "testrs".' in done.results["localhost"]["msg"]
    assert "COVERAGE: 0 of 0 machines" in done.out


def test_a_limit_that_leaves_no_machine_is_an_error(fleet: Fleet) -> None:
    done = fleet.play("upgrade", "--limit", "t1", hero_lock="/nowhere", hero_hosts="admin")
    assert (done.code, done.states) == (2, {"t1": "failed"}), done.out
    assert 'No machine of --limit t1 matches "admin".' in done.results["t1"]["msg"]


OLD_PYTHON = """
- hosts: testers
  gather_facts: false
  pre_tasks:
    - set_fact: {python: {executable: /usr/bin/python3, version: {major: 3, minor: 10}}, cacheable: true}
  roles: [hero.os.hero]
"""


def test_the_role_refuses_a_python_that_hero_build_cannot_use(fleet: Fleet) -> None:
    path = fleet.world.folder / "old-python.yml"
    path.write_text(OLD_PYTHON)
    tool = {"hero_tool": "/nowhere", "hero_tool_sha256": "0" * 64}
    done = fleet.play(str(path), hero_lock="/nowhere", **tool)
    assert (done.code, done.states) == (2, {"t1": "failed"}), done.out
    assert "hero-build needs Python 3.11, and /usr/bin/python3 of this machine is 3.10." in done.results["t1"]["msg"]
    assert not fleet.hosts["t1"].root.path.exists()
