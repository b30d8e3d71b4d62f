"""`--no-opt`: what `wasm-pack build --no-opt` makes, never taken for the real thing, and gone with the next build."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build import manifest
from hero_build.errors import MissingTool
from hero_build.source.wasm import plan
from hero_build.source.wasm.types import Backend
from support import desktops, island_workspace, worlds
from support.island_workspace import wasm_pack_output
from support.spies import calls, record_calls, stand_in
from support.wasm_toolchain import WASM_BINDGEN
from support.worlds import World

pytestmark = pytest.mark.timeout(1800)
MODULE = "island_greeter/island_greeter_bg.wasm"


@pytest.mark.parametrize("backend", ["direct", "wasm-pack"])
def test_it_is_what_wasm_pack_makes_with_no_opt(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = island_workspace.site(tmp_path, "greeter", "sketch")
    notes = record_calls(tmp_path / "path", "wasm-opt", monkeypatch)
    bundles = replace(site, optimise=False).files(tmp_path / "out", backend=backend)
    assert calls(notes) == []
    expected: dict[str, bytes] = {}
    for name in ("greeter", "sketch"):
        alone = wasm_pack_output(site.tree, f"islands/{name}", tmp_path / name, None, "--no-opt")
        expected |= {f"island_{name}/{path}": raw for path, raw in alone.items()}
    assert bundles == expected


def test_optimised_and_unoptimised_bundles_are_cached_separately(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = island_workspace.site(tmp_path, "greeter")
    plain = replace(site, optimise=False)
    optimised = site.files(tmp_path / "1")
    unoptimised = plain.files(tmp_path / "2")
    assert {path for path, raw in optimised.items() if unoptimised[path] != raw} == {MODULE}
    assert len(optimised[MODULE]) < len(unoptimised[MODULE])
    notes = record_calls(tmp_path / "path", "wasm-bindgen", monkeypatch)
    assert site.files(tmp_path / "3") == optimised
    assert plain.files(tmp_path / "4") == unoptimised
    assert [words for words in calls(notes) if words != ["--version"]] == []


def test_it_needs_no_wasm_opt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = island_workspace.site(tmp_path, "greeter")
    stand_in(
        tmp_path / "path",
        name="wasm-opt",
        script='test "$1" = --version && echo wasm-opt version 108; exit 0',
        monkeypatch=monkeypatch,
    )
    with pytest.raises(MissingTool, match="wasm-opt 108 breaks modules"):
        plan.check_toolchain(site.job(), site.cache, "direct")
    tools = plan.check_toolchain(replace(site, optimise=False).job(), site.cache, "wasm-pack")
    assert [tool.name for tool in tools] == ["wasm32-unknown-unknown", "wasm-bindgen", "wasm-pack"]


def ok(world: World, code: desktops.Code, *words: str) -> str:
    done = world.run(*words, env=code.environ)
    assert done.code == 0, done.err
    return done.out


def test_it_is_recorded_kept_repaired_and_replaced(world: World) -> None:
    desktops.add_recipes(world)
    code = desktops.sources(world, "greeter")
    desktops.islands(world, "v1", "island_greeter")

    result = worlds.valid(world.run("islands", "--no-opt", "--json", env=code.environ).document)
    (part,) = result["parts"]
    assert (part["used"], part["why"]) == ("source", "--no-opt asks for a build without wasm-opt")
    plain = desktops.bundle(world, "island_greeter")
    (record,) = manifest.load(world.root.path).records.values()
    assert record.origin.build is not None
    assert dict(record.origin.build.fingerprint.parts)["bundles"] == f"direct --no-opt wasm-bindgen {WASM_BINDGEN}"
    assert (record.origin.phase, record.origin.build.backend, record.origin.build.optimise) == (
        "islands",
        "direct",
        False,
    )
    assert "nothing to do" in ok(world, code, "islands", "--no-opt")

    module = world.root.path / desktops.ISLANDS / MODULE
    module.write_bytes(b"rotten")
    ok(world, code, "verify", "--repair")
    assert desktops.bundle(world, "island_greeter") == plain

    result = worlds.valid(world.run("islands", "--mode", "source", "--dry-run", "--json", env=code.environ).document)
    assert [part["why"] for part in result["parts"]] == [
        "changed since the last build: bundles; --mode source asks for a build"
    ]
    ok(world, code, "islands", "--mode", "source")
    assert len(module.read_bytes()) < len(plain[MODULE.rpartition("/")[2]])
    assert "nothing to do" in ok(world, code, "islands", "--mode", "source")


def test_it_implies_a_build(world: World) -> None:
    desktops.add_recipes(world)
    done = world.run("shell", "--no-opt", "--mode", "download")
    assert done.code == 2
    assert done.err.startswith("error: --no-opt means a build, and --mode download forbids one\n")
    assert world.run("install", "hero_os", "--no-opt").code == 2
