"""Sets that no recipe lists: read from a release's service.toml, from the names of its assets, from a checkout."""

import hashlib
import json
from collections.abc import Mapping

import pytest

from hero_build import manifest
from hero_build.model.installed import PartId
from support import mirrors, roots, worlds
from support.worlds import World

APP = "voice"


def service(*pairs: tuple[str, str]) -> bytes:
    tables = (f'[[binaries]]\nname = "{name}"\nkind = "{kind}"\n' for name, kind in pairs)
    return ('[service]\nname = "voice"\n' + "".join(tables)).encode()


def publish(
    world: World, tag: str, *names: str, toml: bytes | None = None, extra: Mapping[str, bytes] | None = None
) -> None:
    """A release of an app whose recipe lists nothing."""
    world.recipe(APP, binaries="()")
    files = {**mirrors.programs(tag, *names), **(extra or {})}
    mirrors.release(world.mirror, app=APP, tag=tag, files={**files, **({} if toml is None else {"service.toml": toml})})


def installed(world: World) -> dict[str, str | None]:
    record = manifest.load(world.root.path).records[PartId(APP)]
    return {entry.name: entry.kind for entry in record.entries}


def test_a_set_is_read_from_the_service_manifest_of_a_release(world: World) -> None:
    toml = service(("voice_server", "server"), ("odd-name", "web"), ("voice_do", "cli"))
    publish(world, "v1", "voice_server", "odd-name", "voice_do", "stranger", toml=toml)
    world.ok("install", APP, "--mode", "download")
    assert installed(world) == {"voice_server": "server", "odd-name": "web", "voice_do": "cli"}
    document = worlds.valid(world.run("show", APP, "--json").document)
    assert document["set_from"] == "read from service.toml of release v1"
    assert [item["asset"] for item in document["binaries"]] == [
        f"{name}-{roots.platform()}" for name in ("voice_server", "odd-name", "voice_do")
    ]
    assert "read from service.toml of release v1" in world.ok("show", APP)


def test_a_set_is_read_from_the_names_of_assets(world: World) -> None:
    publish(world, "v1", APP, "voice_server", "voice_web", "stranger")
    world.ok("install", APP, "--mode", "download")
    assert installed(world) == {"voice": "cli", "voice_server": "server", "voice_web": "web"}
    assert "read from the asset names of release v1" in world.ok("explain", APP)
    document = worlds.valid(world.run("explain", APP, "--json").document)
    assert document["set_from"] == "read from the asset names of release v1"
    assert document["decisions"][0]["decision"] == "keep"


def test_a_ui_of_old_is_installed_as_the_admin(world: World) -> None:
    publish(world, "v1", "voice_server", "voice_ui")
    world.ok("install", APP, "--mode", "download")
    assert installed(world) == {"voice_server": "server", "voice_admin": "admin"}
    (entry,) = (e for e in manifest.load(world.root.path).records[PartId(APP)].entries if e.name == "voice_admin")
    assert (entry.asset, entry.legacy_name) == (mirrors.asset("voice_ui"), True)


def test_a_service_manifest_goes_before_names_and_an_empty_one_does_not(world: World) -> None:
    publish(world, "v1", "voice_server", "voice_web", toml=service(("voice_server", "server")))
    assert [item["name"] for item in world.run("show", APP, "--json").document["binaries"]] == ["voice_server"]
    publish(world, "v2", "voice_server", "voice_web", toml=b"[service]\nname = 'voice'\n")
    document = world.run("show", APP, "--json").document
    assert [item["name"] for item in document["binaries"]] == ["voice_server", "voice_web"]
    assert document["set_from"] == "read from the asset names of release v2"


def test_the_set_may_change_from_release_to_release(world: World) -> None:
    publish(world, "v1", "voice_server", "voice_web")
    world.ok("install", APP)
    publish(world, "v2", "voice_server", "voice_admin")
    world.ok("install", APP)
    assert installed(world) == {"voice_server": "server", "voice_admin": "admin"}
    assert not (world.root.path / "bin" / "voice_web").exists()
    world.ok("rollback")
    assert installed(world) == {"voice_server": "server", "voice_web": "web"}


def test_a_binary_that_is_there_for_another_platform_only_is_missed(world: World) -> None:
    other = {"voice_admin-linux-arm64-musl": b"x", "voice_admin-linux-amd64-gnu": b"x"}
    publish(world, "v1", "voice_server", extra=other)
    done = world.run("install", APP, "--mode", "download")
    assert done.code == 3
    assert (
        f"release v1 of o/voice has no asset {mirrors.asset('voice_admin')} (nor {mirrors.asset('voice_ui')})"
        in done.err
    )
    assert "release v1 lacks voice_admin" in world.ok("explain", APP)


def test_a_release_that_tells_nothing_is_refused_or_left_to_a_build(world: World) -> None:
    publish(world, "v1", "stranger")
    done = world.run("install", APP, "--mode", "download", "--json")
    (failed,) = worlds.valid(done.document)["failed"]
    assert (done.code, failed["kind"]) == (3, "AssetNotFound")
    assert failed["message"] == "release v1 does not list the programs of voice, and the recipe lists no binaries"
    assert mirrors.asset("stranger") in failed["hint"]
    (decision,) = world.run("explain", APP, "--json").document["decisions"]
    assert (decision["decision"], decision["why"]) == ("build", "release v1 does not list the programs of voice")


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        (b"[[binaries", "service.toml of release v1 is not TOML"),
        (b"\xff", "service.toml of release v1 is not TOML"),
        (b"binaries = 3", "is not a service manifest: Expected `array`, got `int` - at `$.binaries`"),
        (b"binaries = ['voice']", "Expected `object`, got `str` - at `$.binaries[0]`"),
        (service(("../voice", "server")), "a binary named '../voice'"),
        (service(("-rf", "server")), "a binary named '-rf'"),
        (service(("voice", "daemon")), "Invalid enum value 'daemon' - at `$.binaries[0].kind`"),
        (service(("voice", "cli"), ("voice", "web")), "voice is declared twice, of two kinds: cli in"),
    ],
)
def test_a_service_manifest_that_cannot_be_read_is_reported_and_nothing_is_installed(
    world: World, toml: bytes, sentence: str
) -> None:
    publish(world, "v1", "voice", toml=toml)
    for mode in ("download", "auto"):
        done = world.run("install", APP, "--mode", mode)
        assert (done.code, sentence in done.err) == (5, True), done.err
        assert "hint: " in done.err
    shown = worlds.valid(world.run("show", APP, "--json").document)
    assert (shown["trouble"]["kind"], shown["binaries"]) == ("InvalidServiceManifest", [])
    assert not (world.root.path / "bin").exists()


def test_a_lock_file_holds_the_service_manifest_too(world: World) -> None:
    publish(world, "v1", "odd", toml=service(("odd", "server")))
    world.ok("lock", APP, "-o", str(world.folder / "hero.lock"))
    pins = json.loads((world.folder / "hero.lock").read_text())["apps"][APP]["assets"]
    assert {pin["name"] for pin in pins} == {mirrors.asset("odd"), "service.toml"}
    publish(world, "v2", "voice")
    world.ok("install", "--locked", str(world.folder / "hero.lock"))
    assert installed(world) == {"odd": "server"}
    assert "nothing to do" in world.ok("install", "--locked", str(world.folder / "hero.lock"))


def test_a_service_manifest_that_is_not_the_pinned_one_is_refused(world: World) -> None:
    publish(world, "v1", "odd", toml=service(("odd", "server")))
    world.ok("lock", APP, "-o", str(world.folder / "hero.lock"))
    changed = service(("odd", "cli"))
    (world.mirror / "o" / APP / "v1" / "service.toml").write_bytes(changed)
    done = world.run("install", "--locked", str(world.folder / "hero.lock"))
    assert done.code == 5
    assert f"service.toml has the sha256 {hashlib.sha256(changed).hexdigest()} and should have" in done.err


def test_a_mirror_takes_the_service_manifest_along(world: World) -> None:
    publish(world, "v1", "odd", toml=service(("odd", "server")))
    copy = world.folder / "copy"
    world.ok("mirror", APP, str(copy))
    world.ok("--forge", copy.as_uri(), "install", APP, "--mode", "download")
    assert installed(world) == {"odd": "server"}


def test_show_reads_a_checkout_where_no_release_tells(world: World) -> None:
    world.recipe(APP, binaries="()")
    assert "not known: no " in world.ok("show", APP)
    checkout = world.folder / "code" / "o" / APP
    (checkout / "deploy").mkdir(parents=True)
    (checkout / "deploy" / "service.toml").write_bytes(service(("voice_server", "server")))
    shown = worlds.valid(world.run("show", APP, "--json", env={"CODEROOT": str(world.folder / "code")}).document)
    assert [(item["name"], item["kind"]) for item in shown["binaries"]] == [("voice_server", "server")]
    assert shown["set_from"] == f"read from service.toml in {checkout}"


def test_an_app_that_is_refused(world: World) -> None:
    done = world.run("install", "hero_onlyoffice", "--json")
    (failed,) = worlds.valid(done.document)["failed"]
    assert (done.code, failed["kind"]) == (8, "Unsupported")
    assert failed["message"] == "hero_onlyoffice is a container, and hero-build installs programs"
    assert world.run("mirror", "hero_onlyoffice", str(world.folder / "copy")).code == 8
    assert world.run("explain", "hero_onlyoffice").code == 8
    shown = worlds.valid(world.run("show", "hero_onlyoffice", "--json").document)
    assert (shown["exit"], shown["refuses"]) == (0, failed["message"])
    assert "is a container" in world.ok("show", "hero_onlyoffice")


def test_a_change_in_a_shared_module_makes_a_locked_install_look_again(two_apps: World) -> None:
    (two_apps.recipes / "_shared.py").write_text("NAMES = ('db', 'db_admin')\n")
    recipe = "from hero_build.recipe import Recipe, cli\nfrom ._shared import NAMES\n\n\nclass Db(Recipe):\n"
    (two_apps.recipes / "db.py").write_text(recipe + '    repo = "o/db"\n    binaries = tuple(map(cli, NAMES))\n')
    lock = str(two_apps.folder / "hero.lock")
    two_apps.ok("lock", "db", "-o", lock)
    two_apps.ok("install", "--locked", lock)
    assert "nothing to do" in two_apps.ok("install", "--locked", lock)
    with (two_apps.recipes / "_shared.py").open("w") as file:
        file.write("NAMES = ('db',)  # db_admin is no more\n")
    assert "nothing to do" not in two_apps.ok("install", "--locked", lock)
    assert not (two_apps.root.path / "bin" / "db_admin").exists()
