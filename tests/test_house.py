"""The house of docs/architecture.md: imports point down, each door has one keeper, each promise one maker."""

import ast
import functools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeGuard

import pytest

REPO = Path(__file__).parents[1]
PACKAGE = REPO / "hero_build"

# From the top; a layer imports from itself and from layers below it.
LAYERS = {
    "__main__": "`python -m hero_build`",
    "cli": "what a person types: arguments in, exit code out",
    "fleet": "machines of a fleet: units, data for cloud-init, the lock file of a machine",
    "server": "`hero-build serve`: JSON-RPC over a Unix socket",
    "output": "events and answers as a live view, plain lines, pages, or one JSON document",
    "queries": "read-only answers: list, show, status, explain, diff, verify, audit, doctor",
    "ops": "one module per command that changes something",
    "pipeline": "the steps: resolve, plan a build, decide, produce",
    "context": "what the steps work with, made once",
    "services": "what runs: definitions, health, start and restart",
    "supervisors": "programs that keep services running, behind one Protocol",
    "publish": "releases: assemble, sign, upload, verify, publish",
    "pack": "one file with hero-build, a lock file and its contents",
    "catalog": "recipes: where they are, what they say, what a repo declares",
    "install": "layout, store, generations, commit, recovery",
    "verify": "downloaded or built bytes become Verified",
    "source": "checkouts, cargo, WebAssembly builds, fingerprints",
    "forge": "where releases live: Forgejo, a mirror, a lock file",
    "recipe": "all that a recipe imports",
    "platforms": "platforms as a person writes them",
    "manifest": "the manifest, light enough for any reader of a root",
    "settings": "flags, environment, file, defaults",
    "events": "what is reported while a command works",
    "system": "other programs, locks, small caches",
    "model": "the values that the steps pass on",
    "os_errors": "what the operating system refuses, as errors",
    "errors": "the error tree, with exit codes and hints",
    "ownership": "files of another user in a root",
    "__init__": "the version",
}
DEPTH = {layer: number for number, layer in enumerate(LAYERS)}
DOORS = {
    "httpx": {"forge"},
    "tenacity": {"forge"},
    "git": {"source"},
    "subprocess": {"system"},
    "rich": {"output"},
    "click": {"cli"},
    "supervisor": {"supervisors"},
    "starlette": {"server"},
    "uvicorn": {"server"},
    "h11": {"server"},
    "asyncio": {"server"},
    "backports": {"system"},
    "packaging": {"pack"},
    "compression": {"system"},
}
MAKERS = {"Verified": "verify", "Staged": "install"}
LONGEST_FILE = 280
LONGEST_FUNCTION = 45
POSITIONAL = 3
TESTS_OF_NO_MODULE = {
    "house.py": "the rules that hold for all modules",
}
"""Every other `tests/<layer>/test_<module>.py` tests that module. Ways through many are in tests/scenarios/, and what
holds the files around the package is in tests/project/."""
OTHERS = {"partial", "request"}
"""Names that a library's functions have, too: functools.partial, http.client's request."""


class Module(NamedTuple):
    layer: str
    path: Path
    tree: ast.Module

    def __str__(self) -> str:
        return str(self.path.relative_to(REPO))


@functools.cache
def modules() -> list[Module]:
    """Parsed where they are needed: the trees are hundreds of thousands of objects."""
    paths = [path for path in sorted(PACKAGE.rglob("*.py")) if path.relative_to(PACKAGE).parts[0] != "recipes"]
    layers = [path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in paths]
    return [Module(layer, path, ast.parse(path.read_text())) for layer, path in zip(layers, paths, strict=True)]


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            base = node.module or ""
            yield from (f"{base}.{alias.name}" for alias in node.names) if base == "hero_build" else (base,)


def points_up(module: Module, name: str) -> bool:
    if not name.startswith("hero_build."):
        return False
    target = name.split(".")[1]
    target = target if target in DEPTH else "__init__"
    return target != module.layer and DEPTH[target] <= DEPTH[module.layer]


def test_every_module_is_in_a_layer() -> None:
    assert {module.layer for module in modules()} == LAYERS.keys()


def test_imports_point_down() -> None:
    upward = [
        f"{module} imports {name}" for module in modules() for name in imports(module.tree) if points_up(module, name)
    ]
    assert upward == []


def test_each_heavy_library_has_one_door() -> None:
    uses = [(module, name.split(".")[0]) for module in modules() for name in imports(module.tree)]
    assert [f"{module} imports {name}" for module, name in uses if module.layer not in DOORS.get(name, LAYERS)] == []


@pytest.mark.parametrize("value", sorted(MAKERS))
def test_a_promise_is_made_in_one_layer(value: str) -> None:
    assert {layer for layer, _, tree in modules() for node in ast.walk(tree) if _makes(node, value)} == {MAKERS[value]}


def test_the_main_steps_fit_one_screen() -> None:
    tree = ast.parse((PACKAGE / "ops" / "install.py").read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert sum((node.end_lineno or 0) - node.lineno + 1 for node in functions) <= 60


def test_each_class_name_is_unique() -> None:
    names = Counter(node.name for _, _, tree in modules() for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []


def test_no_file_and_no_function_is_too_long() -> None:
    files = [str(module) for module in modules() if len(module.path.read_text().splitlines()) > LONGEST_FILE]
    functions = [f"{module}: {node.name}" for module in modules() for node in ast.walk(module.tree) if _too_long(node)]
    assert files + functions == []


def test_values_are_structs() -> None:
    assert [str(module) for module in modules() if "dataclasses" in set(imports(module.tree))] == []


def test_calls_of_more_than_three_arguments_name_them() -> None:
    own = {node.name for _, _, tree in modules() for node in ast.walk(tree) if _takes_no_words(node)} - OTHERS
    calls = [(module, node) for module in modules() for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    many = [(module, node) for module, node in calls if len(node.args) > POSITIONAL and _callee(node) in own]
    plain = [(module, node) for module, node in many if not any(isinstance(arg, ast.Starred) for arg in node.args)]
    assert [f"{module}:{node.lineno} {_callee(node)}" for module, node in plain] == []


def test_a_test_is_named_after_its_module() -> None:
    tests = REPO / "tests"
    paths = [path.relative_to(tests) for path in sorted(tests.rglob("test_*.py"))]
    own = [path for path in paths if path.parts[0] not in ("scenarios", "project")]
    named = [str(path.with_name(path.name.removeprefix("test_"))) for path in own]
    assert [name for name in named if not (PACKAGE / name).is_file() and name not in TESTS_OF_NO_MODULE] == []


def test_the_architecture_page_draws_these_layers() -> None:
    table = (REPO / "docs" / "architecture.md").read_text().split("## The layers")[1].split("\n## ")[0]
    rows = [line.split("`")[1].rstrip("/").removesuffix(".py") for line in table.splitlines() if line.startswith("| `")]
    assert rows == [layer for layer in LAYERS if not layer.startswith("__")]


def test_the_architecture_page_names_modules_that_exist() -> None:
    text = (REPO / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", text)) - {"tests/test_house.py"}
    assert named
    assert sorted(name for name in named if not (PACKAGE / name).is_file()) == []


def _makes(node: ast.AST, value: str) -> bool:
    return isinstance(node, ast.Call) and _callee(node) == value


def _takes_no_words(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.ClassDef]:
    """Whether it is ours and takes a fixed list of arguments, unlike `git("fetch", "--progress", …)`."""
    return isinstance(node, ast.ClassDef) or (isinstance(node, ast.FunctionDef) and node.args.vararg is None)


def _callee(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _too_long(node: ast.AST) -> TypeGuard[ast.FunctionDef]:
    if not isinstance(node, ast.FunctionDef):
        return False
    return (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
