"""The checkouts on this machine that recipes name: of their repositories, and of those beside them."""

from pathlib import Path

from hero_build.catalog.loader import Catalog
from hero_build.errors import HeroBuildError
from hero_build.source.git.paths import locate


def known_checkouts(catalog: Catalog, coderoot: Path) -> tuple[Path, ...]:
    """Those that exist, sorted. A recipe that is broken names none."""
    found: set[Path] = set()
    for app in catalog.names():
        try:
            recipe = catalog.get(app).recipe
            found |= {locate(coderoot, repo) for repo in (recipe.repo, *recipe.siblings)}
        except HeroBuildError:
            continue
    return tuple(sorted(path for path in found if (path / ".git").exists()))
