"""What comes out is what wasm-pack makes, file by file, whatever else is built beside it."""

import shutil
from pathlib import Path

import pytest

from hero_build.source.wasm.types import TARGET
from support import island_workspace
from support.island_workspace import IslandWorkspace, bundle, files, wasm_pack_output
from support.spies import calls, record_calls

pytestmark = pytest.mark.timeout(1800)
THREE = ("greeter", "shouter", "sketch")


def test_every_file_of_the_thirty_is_that_of_wasm_pack(thirty: IslandWorkspace, tmp_path: Path) -> None:
    bundles = files(thirty.tree.parent / "out")
    expected: dict[str, bytes] = {}
    for name in island_workspace.NAMES:
        folder = bundle(name)
        expected |= {
            f"{folder}/{path}": raw
            for path, raw in wasm_pack_output(thirty.tree, f"islands/{name}", tmp_path / folder).items()
        }
    assert bundles.keys() == expected.keys()
    assert [path for path, raw in expected.items() if bundles[path] != raw] == []
    assert len({path.partition("/")[0] for path in bundles}) == 30
    assert {
        f"island_notes/{name}" for name in ("island_notes.js", "island_notes_bg.wasm", "island_notes.d.ts")
    } <= bundles.keys()
    assert any(path.startswith("island_sketch/snippets/") for path in bundles)
    assert {
        "island_inspector/README.md",
        "island_inspector/LICENSE.txt",
        "island_clock/LICENSE-APACHE",
    } <= bundles.keys()


def test_a_subset_is_the_same_as_in_all(thirty: IslandWorkspace, tmp_path: Path) -> None:
    of_all = files(thirty.tree.parent / "out")
    bundles = thirty.fresh(tmp_path / "cache").files(tmp_path / "out", *(bundle(name) for name in THREE))
    assert {path.partition("/")[0] for path in bundles} == {bundle(name) for name in THREE}
    assert bundles == {
        path: raw for path, raw in of_all.items() if path.partition("/")[0] in {bundle(n) for n in THREE}
    }


def test_the_other_backend_makes_the_same(thirty: IslandWorkspace, tmp_path: Path) -> None:
    of_all = files(thirty.tree.parent / "out")
    bundles = thirty.files(tmp_path / "out", "island_clock", "island_sketch", backend="wasm-pack")
    assert bundles == {p: raw for p, raw in of_all.items() if p.startswith(("island_clock/", "island_sketch/"))}


def test_an_island_does_not_get_what_its_neighbour_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one call of cargo for both, `hello` becomes `HELLO`; each has a call that leaves it what it is alone."""
    site = island_workspace.site(tmp_path, "greeter", "shouter", "sketch")
    island_workspace.cargo(site.tree, "build", "--lib", "--release", f"--target={TARGET}", "--offline")
    module = site.tree / "target" / TARGET / "release" / "island_greeter.wasm"
    changed = module.read_bytes()
    notes = record_calls(tmp_path / "path", "cargo", monkeypatch)
    bundles = site.files(tmp_path / "out")
    assert module.read_bytes() != changed
    built = [words for words in calls(notes) if words[0] == "build"]
    assert [sorted(word for word in words if word.startswith("--package=")) for words in built] == [
        ["--package=greeter@0.1.0", "--package=sketch@0.1.0"],
        ["--package=shouter@0.1.0"],
    ]
    alone = wasm_pack_output(
        site.tree, "islands/greeter", tmp_path / "alone", island_workspace.compiled_target(tmp_path / "target")
    )
    assert {path.removeprefix("island_greeter/"): raw for path, raw in bundles.items() if "greeter/" in path} == alone


def test_what_does_not_change_starts_no_tool(
    thirty: IslandWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = [record_calls(tmp_path / "path", name, monkeypatch) for name in ("wasm-bindgen", "wasm-opt", "rustc")]
    for number in range(2):  # the first asks the spies, which are other files, for their versions
        before = [len(calls(note)) for note in notes]
        assert thirty.files(tmp_path / str(number)) == files(thirty.tree.parent / "out")
    assert [len(calls(note)) for note in notes] == before


def test_one_edit_rebuilds_one_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = island_workspace.site(tmp_path, "greeter", "notes", "clock")
    notes = [record_calls(tmp_path / "path", name, monkeypatch) for name in ("wasm-bindgen", "wasm-opt")]
    first = site.files(tmp_path / "first")
    before = [len(calls(note)) for note in notes]
    site.edit("islands/notes/src/lib.rs", "rotate_left(3)", "rotate_left(5)")
    second = site.files(tmp_path / "second")
    assert {path for path, raw in second.items() if first.get(path) != raw} == {"island_notes/island_notes_bg.wasm"}
    assert [len(calls(note)) for note in notes] == [count + 1 for count in before]


def test_what_goes_beside_the_module_is_looked_at_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """README, licence and Cargo.toml are no part of the module, but of the bundle."""
    site = island_workspace.site(tmp_path, "greeter")
    (site.tree / "islands/greeter/LICENSE").write_text("one")
    assert site.files(tmp_path / "first")["island_greeter/LICENSE"] == b"one"
    (site.tree / "islands/greeter/LICENSE").write_text("two")
    (site.tree / "islands/greeter/README.md").write_text("# Hello\n")
    site.edit("islands/greeter/Cargo.toml", 'description = "Says hello"', 'description = "Says “hello”"')
    second = site.files(tmp_path / "second")
    assert second["island_greeter/LICENSE"] == b"two"
    assert second["island_greeter/README.md"] == b"# Hello\n"
    assert "“hello”" in second["island_greeter/package.json"].decode()
    alone = wasm_pack_output(site.tree, "islands/greeter", tmp_path / "alone")
    assert {path.removeprefix("island_greeter/"): raw for path, raw in second.items()} == alone


def test_the_shell_of_hero_os(tmp_path: Path) -> None:
    shutil.copytree(island_workspace.WORLD / "hero_os", tmp_path / "hero_os")
    site = island_workspace.prepare_workspace(tmp_path / "hero_os", tmp_path / "cache")
    bundles = site.files(tmp_path / "out", "hero_os_app")
    assert {path.removeprefix("hero_os_app/"): raw for path, raw in bundles.items()} == wasm_pack_output(
        site.tree, "app", tmp_path / "alone"
    )
    assert any(path.endswith("/js/desk.js") for path in bundles)


GLUE = "debug-js-glue = true, demangle-name-section = false"


@pytest.mark.parametrize(
    ("table", "optimised"),
    [
        ("wasm-opt = false", False),
        ("wasm-opt = ['-O3', '--strip-producers']", True),
        (f"wasm-bindgen = {{ {GLUE} }}", True),
    ],
)
def test_what_a_crate_asks_of_the_tools(
    table: str, optimised: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = island_workspace.site(tmp_path, "greeter")
    with (site.tree / "islands/greeter/Cargo.toml").open("a") as manifest:
        manifest.write(f"\n[package.metadata.wasm-pack.profile.release]\n{table}\n")
    notes = record_calls(tmp_path / "path", "wasm-opt", monkeypatch)
    bundles = site.files(tmp_path / "out")
    assert any("island_greeter_bg.wasm" in word for words in calls(notes) for word in words) is optimised
    alone = wasm_pack_output(site.tree, "islands/greeter", tmp_path / "alone")
    assert {path.removeprefix("island_greeter/"): raw for path, raw in bundles.items()} == alone
