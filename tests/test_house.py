"""The house of docs/architecture.md: imports point down, each door has one keeper, each promise one maker."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "hero_build"
LAYERS = (
    "__main__",
    "cli",
    "output",
    "queries",
    "ops",
    "pipeline",
    "context",
    "runtime",
    "publish",
    "catalog",
    "install",
    "verify",
    "source",
    "forge",
    "recipe",
    "platforms",
    "manifest",
    "settings",
    "events",
    "system",
    "model",
    "errors",
    "__init__",
)
DEPTH = {layer: number for number, layer in enumerate(LAYERS)}
DOORS = {
    "httpx": {"forge", "publish", "runtime"},
    "tenacity": {"forge"},
    "git": {"source"},
    "subprocess": {"system"},
    "rich": {"output"},
    "click": {"cli"},
    "elftools": {"verify"},
}
MAKERS = {"Verified": "verify", "Staged": "install"}


def sources() -> list[tuple[str, Path, ast.Module]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        if inside.parts[0] != "recipes":
            found.append((inside.parts[0].removesuffix(".py"), path, ast.parse(path.read_text())))
    return found


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            base = node.module or ""
            yield from (f"{base}.{alias.name}" for alias in node.names) if base == "hero_build" else (base,)


def test_every_room_has_its_place() -> None:
    assert {room for room, _, _ in sources()} <= DEPTH.keys()


@pytest.mark.parametrize(("room", "path", "tree"), sources(), ids=lambda value: getattr(value, "name", ""))
def test_imports_point_down(room: str, path: Path, tree: ast.Module) -> None:
    for name in imports(tree):
        if name.startswith("hero_build."):
            target = name.split(".")[1]
            target = target if target in DEPTH else "__init__"
            assert target == room or DEPTH[target] > DEPTH[room], f"{path.name} ({room}) imports {name}"


@pytest.mark.parametrize(("room", "path", "tree"), sources(), ids=lambda value: getattr(value, "name", ""))
def test_each_door_has_one_keeper(room: str, path: Path, tree: ast.Module) -> None:
    for name in imports(tree):
        keepers = DOORS.get(name.split(".")[0])
        assert keepers is None or room in keepers, f"{path.name} ({room}) imports {name}"


@pytest.mark.parametrize("noun", sorted(MAKERS))
def test_a_promise_is_made_in_one_room(noun: str) -> None:
    rooms = {room for room, _, tree in sources() for node in ast.walk(tree) if _makes(node, noun)}
    assert rooms == {MAKERS[noun]}


def test_the_story_fits_one_screen() -> None:
    tree = ast.parse((PACKAGE / "ops" / "install.py").read_text())
    story = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert sum((node.end_lineno or 0) - node.lineno + 1 for node in story) <= 60


def _makes(node: ast.AST, noun: str) -> bool:
    if not isinstance(node, ast.Call):
        return False
    return noun == (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""))
