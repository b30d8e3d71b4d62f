"""The sample manifest of docs/on-disk.md: valid, and with the fields of a manifest that an install writes."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema

from hero_build import manifest
from support.worlds import REPO, World

PAGE = REPO / "docs" / "on-disk.md"


def sample() -> Any:
    (text,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return json.loads(text)


def shape(value: Any) -> Any:
    """Keys and types, without what differs between two installs."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return type(value).__name__ if not isinstance(value, list) else ["list"]


def test_the_sample_is_a_manifest() -> None:
    document = sample()
    jsonschema.validate(document, json.loads((REPO / "docs" / "manifest.schema.json").read_text()))
    generation = manifest.decode(document, PAGE)
    assert json.loads(manifest.dump(generation)) == document


def test_an_install_writes_the_same_fields(world: World) -> None:
    path = world.recipe("hero_livekit")
    text = path.read_text().replace("import Recipe, cli", "import Recipe, install_only, server")
    path.write_text(text.replace('cli("hero_livekit"),', 'server("hero_livekit_server"), install_only("lk-backend"),'))
    world.release("hero_livekit", "v0.3.2", "hero_livekit_server", "lk-backend")
    world.ok("install", "hero_livekit")
    written = json.loads(Path(world.root.current / "manifest.json").read_text())
    assert shape(written) == shape(sample())
    assert list(written["apps"]["hero_livekit"]["binaries"]["lk-backend"]) == list(
        sample()["apps"]["hero_livekit"]["binaries"]["lk-backend"]
    )


def test_no_page_installs_hero_build_by_its_name_from_a_public_index() -> None:
    pages = [REPO / "README.md", *sorted((REPO / "docs").rglob("*.md"))]
    by_name = re.compile(r"(pip|pipx|uv tool|uv pip) install (-\S+ )*['\"]?hero[-_]build\b(?!['\"]? @)")
    assert [page for page in pages if by_name.search(page.read_text())] == []
