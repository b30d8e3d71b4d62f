"""`show APP`: what its recipe says, what is installed, and what the forge has."""

from dataclasses import dataclass

from hero_build.artifact import Binary, Platform
from hero_build.catalog import Found, asking
from hero_build.errors import ForgeError, NotFound
from hero_build.model import Release
from hero_build.queries.latest import latest_release
from hero_build.queries.problem import Problem, problem
from hero_build.queries.status import AppStatus, status
from hero_build.record import Kind
from hero_build.tools import Tools, machine_arch


@dataclass(frozen=True, slots=True)
class ShownBinary:
    """`asset` is the name it is looked for under in a release, for this machine."""

    name: str
    kind: Kind
    formerly: str | None
    install_only: bool
    asset: str


@dataclass(frozen=True, slots=True)
class ShownAsset:
    name: str
    size: int | None


@dataclass(frozen=True, slots=True)
class ShownRelease:
    """`created` as the forge tells it (RFC 3339), empty where it tells nothing."""

    forge: str
    tag: str
    created: str
    prerelease: bool
    assets: tuple[ShownAsset, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """`latest` is None where the forge could not tell; `trouble` is then the reason."""

    name: str
    about: str
    repo: str
    platform: str
    recipe: str
    shadows: tuple[str, ...]
    binaries: tuple[ShownBinary, ...]
    libraries: tuple[str, ...]
    bundles: tuple[str, ...]
    needs: tuple[str, ...]
    sets: tuple[str, ...]
    installed: AppStatus
    latest: ShownRelease | None
    trouble: Problem | None


def show(app: str, tools: Tools) -> Shown:
    """Raises AppNotFound, RecipeError, RootDamaged, Unsupported; a forge that fails is told in the answer."""
    found = tools.catalog.get(app)
    latest, trouble = _latest(app, tools)
    installed = status(tools.root, tools.catalog, (app,)).apps[0]
    with asking(found.path):
        platform = found.recipe.platform(machine_arch())
        binaries = tuple(_binary(found, item, platform) for item in found.recipe.binaries)
    return Shown(
        name=app,
        about=about(found),
        repo=found.recipe.repo,
        platform=str(platform),
        recipe=str(found.path),
        shadows=tuple(str(path) for path in found.shadows),
        binaries=binaries,
        libraries=tuple(item.name for item in found.recipe.libraries),
        bundles=tuple(item.name for item in found.recipe.bundles),
        needs=tuple(found.recipe.needs),
        sets=tuple(f"@{name}" for name, apps in sorted(tools.catalog.sets.items()) if app in apps),
        installed=installed,
        latest=latest,
        trouble=trouble,
    )


def about(found: Found) -> str:
    """The first line of the recipe's docstring, without the app's name."""
    import ast  # the module itself is not kept by the catalog

    try:
        text = ast.get_docstring(ast.parse(found.path.read_bytes())) or ""
    except (OSError, SyntaxError, ValueError):
        return ""
    first = text.split("\n\n")[0].replace("\n", " ").strip()
    return first.removeprefix(f"{found.app}:").strip()


def _binary(found: Found, binary: Binary, platform: Platform) -> ShownBinary:
    asset = found.recipe.asset_name(binary, binary.name, platform)
    return ShownBinary(binary.name, binary.kind, binary.formerly, binary.install_only, asset)


def _latest(app: str, tools: Tools) -> tuple[ShownRelease | None, Problem | None]:
    try:
        return _release(latest_release(app, tools)), None
    except (ForgeError, NotFound) as error:
        return None, problem(error, app)


def _release(release: Release) -> ShownRelease:
    assets = tuple(ShownAsset(asset.name, asset.size) for asset in release.assets)
    return ShownRelease(release.forge, release.tag, release.created, release.prerelease, assets)
