"""As few calls of cargo as leave each island the features that it has alone, and few questions to find that out."""

from pathlib import Path

import pytest

from hero_build.model.artifacts import Cargo
from hero_build.source.wasm import plan, workspace
from hero_build.source.wasm.features import FeatureQuery, Features, features, groups
from hero_build.source.wasm.pool import pool
from hero_build.source.wasm.types import Crate, PackageInfo
from support import island_workspace
from support.island_workspace import IslandWorkspace, bundle, wasm_pack_output
from support.spies import calls, record_calls

pytestmark = pytest.mark.timeout(1800)


def crate(name: str, base: str = "/tree") -> Crate:
    return Crate(
        name,
        package=name,
        id=name,
        folder=Path(base),
        base=Path(base),
        dependency_digest="",
        bindgen=(),
        optimise=(),
        info=PackageInfo("0.1.0"),
    )


def grouped(by_crate: dict[str, Features]) -> list[list[str]]:
    return [[item.name for item in group] for group in groups([crate(name) for name in by_crate], by_crate)]


def crate_features(site: IslandWorkspace) -> dict[str, Features]:
    env = plan.environment(site.job())
    known = workspace.discover(site.tree, env)
    with pool(lambda: False) as workers:
        return features(known.crates, FeatureQuery(known, cargo=site.cargo, env=env, cache=site.cache), workers)


def cargo_groups(site: IslandWorkspace) -> list[list[str]]:
    """Which islands share a call."""
    env = plan.environment(site.job())
    return [
        [item.package for item in group]
        for group in groups(workspace.discover(site.tree, env).crates, crate_features(site))
    ]


def test_crates_that_agree_share_a_call() -> None:
    assert grouped({"a": {"x": ("f",)}, "b": {"x": ("f",), "y": ("",)}, "c": {"y": ("",)}}) == [["a", "b", "c"]]


def test_crates_that_disagree_do_not() -> None:
    assert grouped({"a": {"x": ("f",)}, "b": {"x": ("",)}, "c": {"x": ("f",)}}) == [["a", "c"], ["b"]]


def test_a_group_is_all_of_its_members() -> None:
    """c agrees with a, and not with what b brought in."""
    assert grouped({"a": {"x": ("",)}, "b": {"y": ("f",)}, "c": {"x": ("",), "y": ("",)}}) == [["a", "b"], ["c"]]


def test_one_package_may_be_there_twice() -> None:
    """For the build and for the target, with other features."""
    assert grouped({"a": {"x": ("", "f")}, "b": {"x": ("f",)}, "c": {"x": ("", "f")}}) == [["a", "c"], ["b"]]


def test_crates_with_their_own_configuration_are_built_separately() -> None:
    crates = [crate("a"), crate("b", "/tree/b"), crate("c")]
    assert [[item.name for item in group] for group in groups(crates, {"a": {}, "b": {}, "c": {}})] == [
        ["a", "c"],
        ["b"],
    ]


def test_thirty_islands_are_two_calls_and_few_questions(
    thirty: IslandWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = record_calls(tmp_path / "path", "cargo", monkeypatch)
    site = thirty.fresh(tmp_path / "cache")
    grouping = cargo_groups(site)
    assert sorted(map(len, grouping)) == [3, 27]
    assert island_workspace.LOUD in [frozenset(group) for group in grouping]
    trees = [words for words in calls(notes) if words[0] == "tree"]
    assert len(trees) <= 5  # islands of equal dependencies share one
    assert cargo_groups(site) == grouping
    assert [words for words in calls(notes) if words[0] == "tree"] == trees  # remembered


def test_what_a_crate_has_alone(tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "greeter", "shouter")
    by_crate = crate_features(site)
    common = f"archipelago_common v0.1.0 ({site.tree}/common)"
    assert by_crate[bundle("greeter")][common] == ("",)
    assert by_crate[bundle("shouter")][common] == ("loud",)
    assert f"greeter v0.1.0 ({site.tree}/islands/greeter)" in by_crate[bundle("greeter")]
    assert any(package.startswith("wasm-bindgen-macro v") for package in by_crate[bundle("greeter")])


def test_a_changed_manifest_is_queried_again(tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "greeter", "notes")
    assert cargo_groups(site) == [["greeter", "notes"]]
    site.edit("islands/notes/Cargo.toml", "features = []", 'features = ["loud"]')
    assert cargo_groups(site) == [["greeter"], ["notes"]]
    site.edit("common/Cargo.toml", "[features]", '[features]\ndefault = ["loud"]')
    assert cargo_groups(site) == [["greeter", "notes"]]


def test_a_manifest_outside_of_the_workspace_counts(tmp_path: Path) -> None:
    """A sibling repository, whose default features are those of all who ask for nothing else."""
    tree = island_workspace.workspace(tmp_path / "hero_archipelagos", ("greeter", "shouter"))
    (tree / "common").rename(tmp_path / "common")
    manifest = tmp_path / "common/Cargo.toml"
    manifest.write_text(
        '[package]\nname = "archipelago_common"\nversion = "0.1.0"\nedition = "2021"\n[features]\nloud = []\n'
        '[dependencies]\nwasm-bindgen = "=0.2.129"\n'
    )
    site = IslandWorkspace(tree, tmp_path / "cache")
    site.edit("Cargo.toml", 'members = ["common", ', "members = [")
    site.edit("Cargo.toml", 'path = "common"', 'path = "../common"')
    site = island_workspace.prepare_workspace(tree, tmp_path / "cache")
    assert cargo_groups(site) == [["greeter"], ["shouter"]]
    manifest.write_text(manifest.read_text().replace("loud = []", 'loud = []\ndefault = ["loud"]'))
    assert cargo_groups(site) == [["greeter", "shouter"]]


def test_an_island_that_another_one_uses(tmp_path: Path) -> None:
    """Its own features alone are not those that its neighbour asks of it."""
    site = island_workspace.site(tmp_path, "clock", "greeter", "notes")
    with (site.tree / "islands/clock/Cargo.toml").open("a") as manifest:
        manifest.write("\n[features]\nseconds = []\n")
    with (site.tree / "islands/notes/Cargo.toml").open("a") as manifest:
        manifest.write('clock = { path = "../clock", features = ["seconds"] }\n')
    island_workspace.cargo(site.tree, "update", "--workspace", "--offline", "--quiet")
    assert cargo_groups(site) == [["clock", "greeter"], ["notes"]]


def test_a_recipe_may_ask_for_features(tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "greeter", "shouter")
    for name in ("greeter", "shouter"):
        with (site.tree / f"islands/{name}/Cargo.toml").open("a") as manifest:
            manifest.write('\n[features]\nparty = ["archipelago_common/loud"]\n')
    assert cargo_groups(site) == [["greeter"], ["shouter"]]
    assert cargo_groups(IslandWorkspace(site.tree, site.cache, Cargo(features=("party",)))) == [["greeter", "shouter"]]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"stamp": 1, "outside": 2}', "\0"])
def test_a_broken_cache_file_is_ignored(text: str, tmp_path: Path) -> None:
    site = island_workspace.site(tmp_path, "greeter")
    first = crate_features(site)
    for file in (site.cache / "wasm").glob("features-*.json"):
        file.write_text(text)
    assert crate_features(site) == first


def test_a_crate_with_a_configuration_of_its_own(tmp_path: Path) -> None:
    """cargo reads `.cargo/config.toml` from where it is started up: wasm-pack starts it in the crate's folder."""
    site = island_workspace.site(tmp_path, "greeter", "notes")
    (site.tree / "islands/notes/.cargo").mkdir()
    (site.tree / "islands/notes/.cargo/config.toml").write_text('[build]\nrustflags = ["--cfg", "special"]\n')
    site.edit("islands/notes/src/lib.rs", "u32 {", "u32 { if cfg!(special) { return times * 77 }")
    bundles = site.files(tmp_path / "out")
    alone = wasm_pack_output(site.tree, "islands/notes", tmp_path / "alone")
    assert {path.removeprefix("island_notes/"): raw for path, raw in bundles.items() if "notes/" in path} == alone
    (site.tree / "islands/notes/.cargo/config.toml").unlink()
    assert site.files(tmp_path / "plain")["island_notes/island_notes_bg.wasm"] != alone["island_notes_bg.wasm"]
