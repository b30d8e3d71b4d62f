"""The pages match the code: their links have targets, their tables are complete, their recipe builds."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from hero_build import settings
from hero_build.model.artifacts import Cargo
from hero_build.model.steps import CargoJob, Tree
from hero_build.recipe import BuildContext, Recipe
from hero_build.source.fingerprint import fingerprint
from support import git_repos
from support.rust_crates import manifest, program
from support.worlds import World

CHECKOUT = Path(__file__).parents[2]
DOCS = CHECKOUT / "docs"
_ELSEWHERE = {"bundles", "islands", "health"}
"""Attributes that other pages describe."""
PAGES = (CHECKOUT / "README.md", CHECKOUT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_has_a_target(page: Path) -> None:
    def leads(link: str) -> bool:
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        return target.exists() and (not anchor or anchor in set(_anchors(target)))

    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()) if "://" not in link]
    assert [link for link in links if not leads(link)] == []


def test_every_page_is_linked_from_the_readme() -> None:
    seen, todo = set[Path](), [CHECKOUT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen:
            continue
        seen.add(page)
        links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
        found = {(page.parent / link).resolve() for link in links if "://" not in link}
        todo += [
            path / "README.md" if path.is_dir() else path for path in found if path.is_dir() or path.suffix == ".md"
        ]
    assert set(PAGES) - seen == set()


def test_every_setting_is_on_the_page(tmp_path: Path) -> None:
    """Each variable that settings.py reads, and each key of the file."""
    table = (DOCS / "install.md").read_text().split("## Settings")[1].split("## ")[0]
    read = settings.read({"root": tmp_path}, {})
    named = set(settings.Settings.__struct_fields__) - {"root", "token", "sources"}
    assert {name for name in named if f"| `{name}` |" not in table} == set()
    source = Path(settings.__file__).read_text()
    variables = set(re.findall(r'"((?:HERO|FORGEJO)_[A-Z_]+|CODEROOT)"', source))
    assert {name for name in variables if f"`{name}`" not in table} == set()
    assert read.depth == 0
    assert settings.read({"root": tmp_path}, {"CI": "true"}).depth == 1


def test_every_fingerprint_component_is_on_the_page(tmp_path: Path) -> None:
    tree = git_repos.repository(tmp_path / "tree", {"Cargo.toml": manifest("app")})
    commit = git_repos.git(tree, "rev-parse", "HEAD")
    found = fingerprint(
        CargoJob(Tree(tree, commit, dirty=False), Cargo(), ("app",)), recipe=(), siblings=(), cache=tmp_path / "cache"
    )
    section = (DOCS / "source.md").read_text().split("## What counts as a change")[1].split("## ")[0]
    assert _first_column(section) == [name for name, _ in found.parts]


def test_every_attribute_of_a_recipe_is_on_the_page() -> None:
    text = (DOCS / "recipes.md").read_text()
    building = text.split("## How it is built")[1].split("\n## ")[0]
    assert set(Cargo.__struct_fields__) <= set(_first_column(building))
    context = {name for name in vars(BuildContext) if not name.startswith("_")}
    assert {name for name in context if f"| `ctx.{name}" not in building} == set()
    own = {name for name in vars(Recipe) if not name.startswith("_")} - _ELSEWHERE
    assert {name for name in own if f"`{name}`" not in text and f"def {name}(" not in text} == set()


@pytest.mark.slow
def test_the_recipe_of_the_page_builds(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.recipes.mkdir()
    (world.recipes / "hero_notes.py").write_text(
        _example().replace('"npm", "run", "build"', '"sh", "-c", "env > made"')
    )
    files = {
        ".gitignore": "/target\n/made\n",
        "Cargo.toml": manifest("hero_notes", "[features]\npages = []\n"),
        "src/bin/hero_notes.rs": program("notes"),
        "src/bin/hero_notes_server.rs": program("server"),
    }
    git_repos.upstream(world.mirror, "lhumina_code/hero_notes", files)
    assert "(source: no release exists)" in world.ok("install", "hero_notes")
    made = (world.root.path / "code0" / "lhumina_code" / "hero_notes" / "made").read_text()
    assert "NODE_ENV=production\n" in made
    assert "nothing to do" in world.ok("install", "hero_notes")


def _example() -> str:
    text = (DOCS / "recipes.md").read_text()
    (found,) = re.findall(r"^    from collections\.abc import Mapping\n(?:    .*\n|\n)*", text, re.M)
    return textwrap.dedent(found)


def _first_column(text: str) -> list[str]:
    return re.findall(r"^\| `(\w+)` \|", text, re.M)


def _anchors(page: Path) -> Iterator[str]:
    """Those of its headings, as a forge makes them."""
    for heading in re.findall(r"^#+ (.*)$", page.read_text(), re.M):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
