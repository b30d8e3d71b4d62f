"""`verify` and `doctor`."""

import json
import shutil
from pathlib import Path

import pytest

from hero_build.platforms import machine_arch
from support import roots, source_builds, worlds
from support.worlds import World

pytestmark = pytest.mark.usefixtures("two_apps")


def test_verify_of_intact_apps(world: World) -> None:
    world.ok("install", "@both")
    document = worlds.valid(world.run("verify", "--json").document)
    assert [(app["name"], app["files"], app["damage"]) for app in document["apps"]] == [("db", 2, []), ("web", 1, [])]
    assert document["stray"] == []
    assert "2 apps, 3 files, " in world.ok("verify")
    assert "as recorded" in world.ok("verify", "-v")


def test_verify_of_an_empty_root(world: World) -> None:
    assert "nothing is installed" in world.ok("verify")


def test_verify_reads_every_byte_and_repair_downloads_damaged_files(world: World) -> None:
    world.ok("install", "@both")
    path = (world.root.path / "bin" / "db").resolve()
    before = path.read_bytes()
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(len(before) - 1)
        file.write(b"!")
    done = world.run("verify", "--json")
    document = worlds.valid(done.document)
    assert (done.code, document["exit"]) == (5, 5)
    assert "bin/db has other content" in document["apps"][0]["damage"][0]
    done = world.run("verify", "--repair", "--json")
    document = worlds.valid(done.document)
    assert done.code == 0
    assert document["repair"]["after"] > document["repair"]["before"]
    assert (world.root.path / "bin" / "db").read_bytes() == before
    assert status.st_ino != (world.root.path / "bin" / "db").stat().st_ino
    roots.settled(world.root)


def test_repair_restores_links_without_a_download(world: World) -> None:
    world.ok("install", "@both")
    (world.root.path / "bin" / "web").unlink()
    assert world.run("verify").code == 5
    done = world.run("--forge", "file:///nowhere/at/all", "verify", "--repair")
    assert done.code == 0, done.err
    roots.settled(world.root)


def test_repair_that_cannot_download_gives_the_reason_and_exit_code_5(world: World) -> None:
    world.ok("install", "db")
    path = (world.root.path / "bin" / "db").resolve()
    path.write_bytes(b"broken")
    done = world.run("--forge", "file:///nowhere/at/all", "verify", "--repair")
    assert done.code == 5
    assert "error: db: the mirror /nowhere/at/all does not exist" in done.err
    assert "damaged: 1 of 1 app" in done.out


def test_verify_of_named_apps(world: World) -> None:
    world.ok("install", "@both")
    (world.root.path / "bin" / "web").unlink()
    assert world.run("verify", "db").code == 0
    assert world.run("verify", "web").code == 5
    done = world.run("verify", "hero_db")
    assert done.code == 3
    assert "hero_db is not installed" in done.err


def test_verify_reports_stray_links_and_repair_removes_them(world: World) -> None:
    world.ok("install", "db")
    (world.root.path / "bin" / "gone").symlink_to("../var/hero_build/current/bin/gone")
    done = world.run("verify", "--json")
    assert worlds.valid(done.document)["stray"] == ["bin/gone is a link into this root that no app owns"]
    world.ok("verify", "--repair")
    assert not (world.root.path / "bin" / "gone").is_symlink()


def test_doctor_shows_each_setting_with_its_source_and_never_the_token(world: World) -> None:
    (world.root.path / "cfg").mkdir(parents=True)
    (world.root.path / "cfg" / "hero_build.toml").write_text("jobs = 3\n")
    done = world.run("doctor", "--wait", "5", "--json", "-v", env={"FORGEJO_TOKEN": "sesame-sesame"})
    assert "sesame" not in done.out + done.err
    document = worlds.valid(done.document)
    settings = {item["name"]: (item["value"], item["source"]) for item in document["settings"]}
    assert settings["token"] == ("set", "environment")
    assert settings["jobs"] == ("3", "config")
    assert settings["wait"] == ("5 s", "flag")
    assert settings["root"] == (str(world.root.path), "environment")
    assert settings["sockets"][1] == "default"
    assert done.code == 0


RUSTC = """#!/bin/sh
case "$*" in
  "--print target-libdir --target={has}") echo {folder} ;;
  --print*) echo /nowhere ;;
  *) exec {real} "$@" ;;
esac
"""


def publish_rows(world: World, **env: str) -> dict[str, dict[str, str]]:
    done = world.run("doctor", "--publish", "--json", env=env)
    return {check["name"]: check for check in worlds.valid(done.document)["checks"] if check["group"] == "publish"}


@pytest.mark.skipif(shutil.which("rustc") is None, reason="rustc is not installed")
def test_doctor_publish_knows_the_rust_targets_and_tools(world: World, tmp_path: Path) -> None:
    own, other = (machine_arch(), "arm64" if machine_arch() == "amd64" else "amd64")
    triple = {"amd64": "x86_64-unknown-linux-musl", "arm64": "aarch64-unknown-linux-musl"}
    env = source_builds.path_without(tmp_path / "path", "rustc", "musl-gcc", "cargo-zigbuild")
    (tmp_path / "libs").mkdir()
    (tmp_path / "libs" / "libcore-0.rlib").touch()
    rustc = Path(env["PATH"]) / "rustc"

    def with_target(name: str) -> dict[str, str]:
        rustc.write_text(RUSTC.format(has=name, folder=tmp_path / "libs", real=shutil.which("rustc")))
        rustc.chmod(0o755)
        return env

    rows = publish_rows(world, **with_target(triple[own]))
    assert (rows[f"linux-{own}-musl"]["state"], rows[f"linux-{other}-musl"]["state"]) == ("ok", "warning")
    assert (
        rows[f"linux-{other}-musl"]["hint"] == f"`rustup target add {triple[other]}`, for --platform linux-{other}-musl"
    )
    assert [rows[name]["state"] for name in ("musl-gcc", "cargo-zigbuild")] == ["warning", "warning"]
    assert "apt install musl-tools" in rows["musl-gcc"]["hint"]
    assert rows["FORGEJO_TOKEN"]["value"] == "not set; a mirror needs none"
    rows = publish_rows(world, **with_target(triple[other]), FORGEJO_TOKEN="sesame")
    assert rows[f"linux-{own}-musl"]["state"] == "missing"
    assert rows[f"linux-{own}-musl"]["hint"] == f"`rustup target add {triple[own]}`"
    assert world.run("doctor", "--publish", env=env).code == 8
    assert rows["FORGEJO_TOKEN"]["value"] == "set"
    rustc.unlink()
    rows = publish_rows(world, **env)
    assert rows[f"linux-{own}-musl"]["value"] == "this machine has no Rust compiler (rustc)"


def test_doctor_without_publish_asks_no_compiler(world: World) -> None:
    document = worlds.valid(world.run("doctor", "--json").document)
    assert "publish" not in {check["group"] for check in document["checks"]}


def test_doctor_shows_the_line_for_path(world: World) -> None:
    out = world.ok("doctor")
    assert f'export PATH="{world.root.path}/bin:$PATH"' in out
    found = world.run("doctor", "--json", env={"PATH": f"{world.root.path}/bin:/usr/bin:/bin"}).document
    (check,) = (check for check in found["checks"] if check["name"] == "PATH")
    assert check["state"] == "ok"


def test_doctor_ends_with_8_if_something_is_missing(world: World) -> None:
    done = world.run("--forge", "file:///nowhere/at/all", "doctor", "--json")
    document = worlds.valid(done.document)
    assert (done.code, document["exit"]) == (8, 8)
    assert [check["name"] for check in document["checks"] if check["state"] == "missing"] == ["forge"]


def test_doctor_finds_broken_recipes_damage_and_unreadable_generations(world: World) -> None:
    world.ok("install", "db", "--version", "v1")
    world.ok("install", "db")
    (world.recipes / "broken.py").write_text("nonsense(\n")
    (world.root.generation(1) / "manifest.json").write_text("{")
    (world.root.path / "bin" / "db").unlink()
    document = worlds.valid(world.run("doctor", "--json").document)
    checks = {check["name"]: check for check in document["checks"]}
    assert checks["broken"]["state"] == "missing"
    assert str(world.recipes / "broken.py") in checks["broken"]["value"]
    assert "damaged: db" in checks["installed"]["value"]
    assert "unreadable: 1" in checks["history"]["value"]


def test_doctor_of_a_root_whose_manifest_is_unreadable(world: World) -> None:
    world.ok("install", "db")
    (world.root.generation(1) / "manifest.json").write_text(json.dumps({"schema": 99}))
    done = world.run("doctor", "--json")
    assert done.code == 8
    assert {c["name"] for c in worlds.valid(done.document)["checks"] if c["state"] == "missing"} == {"installed"}


@pytest.mark.parametrize("words", [["status"], ["list"], ["verify"], ["install", "db"], ["show", "db"]])
def test_an_unreadable_manifest_is_5_with_a_hint(words: list[str], world: World) -> None:
    world.ok("install", "db", "--version", "v1")
    world.ok("install", "db")
    (world.root.generation(2) / "manifest.json").write_text("{")
    done = world.run(*words)
    assert done.code == 5
    assert "cannot be read as a manifest" in done.err
    assert "hero-build rollback" in done.err
    world.ok("rollback", "1")
    assert "v1" in world.ok("status")
