"""What the real toolchain makes passes verification and enters a root; what a broken one makes does not."""

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

import support.wasm_modules as made
from hero_build.errors import InvalidBundle
from hero_build.install.islands import INDEX
from hero_build.install.layout import Root
from hero_build.model.artifacts import WasmBundle
from hero_build.model.steps import Fetched, Verified
from hero_build.publish.archive import pack
from hero_build.verify.check import verify
from hero_build.verify.expect import expect_for
from support import bundle_roots, island_workspace, roots
from support.fetched import LINUX_MUSL
from support.island_workspace import IslandWorkspace, bundle

SCHEMA = Path(__file__).parents[3] / "docs" / "islands.schema.json"
pytestmark = pytest.mark.timeout(1800)


def copied(thirty: IslandWorkspace, name: str, folder: Path) -> Path:
    """An island's folder to do with as one likes."""
    return shutil.copytree(thirty.tree.parent / "out" / bundle(name), folder / bundle(name))


def verified(folder: Path) -> Verified:
    island = WasmBundle(folder.name)
    return verify(Fetched(island, path=folder, form="tree", sha256="", size=0), expect_for(island, None, LINUX_MUSL))


def test_thirty_real_islands_are_installed_with_their_index(thirty: IslandWorkspace, tmp_path: Path) -> None:
    root = Root(tmp_path / "hero")
    ready = []
    for name in island_workspace.NAMES:
        tree = Fetched(WasmBundle(bundle(name)), path=copied(thirty, name, tmp_path), form="tree", sha256="", size=0)
        ready.append(bundle_roots.ready(tree, "v1"))
    bundle_roots.put(root, "v1", ready, drop=True)
    roots.settled(root)
    document = json.loads((root.path / INDEX).read_text())
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert [island["name"] for island in document["islands"]] == [bundle(name) for name in island_workspace.NAMES]
    folder = (root.path / INDEX).parent
    assert all((folder / island[key]).is_file() for island in document["islands"] for key in ("entry", "module"))
    built = island_workspace.files(thirty.tree.parent / "out")
    there = island_workspace.files(folder.resolve())
    assert {name: raw for name, raw in there.items() if name != "islands.json"} == built


def test_a_real_island_comes_out_of_its_archive_as_it_was(thirty: IslandWorkspace, tmp_path: Path) -> None:
    island = WasmBundle(bundle("sketch"))
    digest, size = pack(copied(thirty, "sketch", tmp_path), tmp_path / "a")
    result = verify(
        Fetched(island, path=tmp_path / "a", form="archive", sha256=digest, size=size),
        expect_for(island, None, LINUX_MUSL),
    )
    tools = {str(file.dest.relative_to(island.folder)): file.path.read_bytes() for file in result.files}
    assert tools == island_workspace.files(tmp_path / island.name)
    assert any(name.startswith("snippets/") for name in tools)


def test_the_wrong_table_in_a_real_module_is_noticed(thirty: IslandWorkspace, tmp_path: Path) -> None:
    """As Binaryen 108 leaves it: the table by that name is the first one, which holds functions."""
    folder = copied(thirty, "greeter", tmp_path)
    module = folder / f"{folder.name}_bg.wasm"
    right, wrong = (made.text(made.REFS) + bytes([made.TABLE, number]) for number in (1, 0))
    assert right in module.read_bytes()
    module.write_bytes(module.read_bytes().replace(right, wrong))
    with pytest.raises(InvalidBundle, match="exports a table of functions by that name") as caught:
        verified(folder)
    assert "newer wasm-opt" in caught.value.hint


def test_glue_of_another_build_does_not_fit_a_real_module(thirty: IslandWorkspace, tmp_path: Path) -> None:
    clock, sketch = copied(thirty, "clock", tmp_path), copied(thirty, "sketch", tmp_path)
    text = (clock / f"{clock.name}.js").read_text().replace(clock.name, sketch.name)
    (sketch / f"{sketch.name}.js").write_text(text)
    with pytest.raises(InvalidBundle, match=r"does not provide __wbg_|which .* does not export"):
        verified(sketch)


def test_a_snippet_lost_on_the_way_is_noticed(thirty: IslandWorkspace, tmp_path: Path) -> None:
    folder = copied(thirty, "sketch", tmp_path)
    next(folder.glob("snippets/*/inline0.js")).unlink()
    with pytest.raises(InvalidBundle, match=r"inline0\.js, which is not in the bundle"):
        verified(folder)


@pytest.mark.parametrize("name", island_workspace.SHAPES)
def test_every_name_that_real_glue_uses_counts(thirty: IslandWorkspace, tmp_path: Path, name: str) -> None:
    """Renaming any one import or export inside a real module is noticed: nothing passes by chance."""
    folder = copied(thirty, name, tmp_path)
    module = folder / f"{folder.name}_bg.wasm"
    raw = module.read_bytes()
    for word in (b"memory", b"__wbindgen_start", b"__wbindgen_externrefs", b"mount"):
        if (spelt := bytes([len(word)]) + word) in raw:
            module.write_bytes(raw.replace(spelt, bytes([len(word)]) + word[:-1] + b"X"))
            with pytest.raises(InvalidBundle, match=f"uses {word.decode()}, which"):
                verified(folder)
    module.write_bytes(raw)
    assert verified(folder).checks == ("wasm", "glue")
