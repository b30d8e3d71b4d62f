"""`show APP`: what its recipe says, what is installed, and what the forge has."""

from dataclasses import dataclass

from hero_build import ask, services
from hero_build.artifact import Binary, Platform, WasmBundle
from hero_build.catalog import Found, asking
from hero_build.errors import ForgeError, HeroBuildError, NotFound, VerificationError
from hero_build.model import Release, Request
from hero_build.publish.provenance import BuildRecord
from hero_build.queries.problem import Problem, problem
from hero_build.queries.status import AppStatus, status
from hero_build.record import Kind, Phase
from hero_build.source.place import locate
from hero_build.told import Told, tell
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
    """`latest` is None where the forge could not tell; `trouble` is then the reason.

    `set_from` says who tells the binaries; `refuses` why hero-build cannot install the app, None when it can.
    `builds` are the build records of a release that was named.
    """

    name: str
    about: str
    refuses: str | None
    repo: str
    platform: str
    recipe: str
    shadows: tuple[str, ...]
    set_from: str
    binaries: tuple[ShownBinary, ...]
    libraries: tuple[str, ...]
    bundles: tuple[str, ...]
    needs: tuple[str, ...]
    excludes: tuple[str, ...]
    restarts: tuple[str, ...]
    siblings: tuple[str, ...]
    sets: tuple[str, ...]
    installed: AppStatus
    latest: ShownRelease | None
    builds: tuple[BuildRecord, ...]
    trouble: Problem | None


def show(app: str, tools: Tools, version: str | None = None) -> Shown:
    """Of the release `version`, or the newest one; a forge that fails is told in the answer, unless one was named.

    Raises AppNotFound, RecipeError, RootDamaged, Unsupported; for a named release NotFound, ForgeError.
    """
    found = tools.catalog.get(app)
    release, told, trouble = _asked(found, version, tools)
    installed = status(tools.root, tools.catalog, (app,)).apps[0]
    with asking(found.path):
        platform = found.recipe.platform(machine_arch())
        binaries = tuple(_binary(found, item, platform) for item in told.binaries)
    bundles = (*found.recipe.bundles, *(item for item in told.artifacts if isinstance(item, WasmBundle)))
    return Shown(
        name=app,
        about=about(found),
        refuses=found.recipe.refuses or None,
        repo=found.recipe.repo,
        platform=str(platform),
        recipe=str(found.path),
        shadows=tuple(str(path) for path in found.shadows),
        set_from=told.by,
        binaries=binaries,
        libraries=tuple(item.name for item in found.recipe.libraries),
        bundles=tuple(item.name for item in bundles),
        needs=found.recipe.needs,
        excludes=found.recipe.excludes,
        restarts=found.recipe.restarts,
        siblings=found.recipe.siblings,
        sets=tuple(f"@{name}" for name, apps in sorted(tools.catalog.sets.items()) if app in apps),
        installed=installed,
        latest=_release(release) if release else None,
        builds=_builds(release, tools) if release and version else (),
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


def _builds(release: Release, tools: Tools) -> tuple[BuildRecord, ...]:
    from hero_build.publish.provenance import read_records

    return read_records(tools.forge, release)


def _asked(found: Found, version: str | None, tools: Tools) -> tuple[Release | None, Told, Problem | None]:
    """The newest release, the set as it tells it, or else as a checkout does; and why the forge told nothing."""
    known = Told(found.recipe.binaries, "the recipe")
    if found.recipe.refuses:
        return None, known, None
    release: Release | None = None
    phase: Phase = "islands" if found.recipe.islands else "install"
    try:
        release = tools.forge.find(ask.reference(found, version))
        told, trouble = tell(found, Request(found.app, phase=phase), release, tools), None
    except (ForgeError, NotFound, VerificationError) as error:
        if version:
            raise
        told, trouble = known, problem(error, found.app)
    return release, told if told.artifacts or found.recipe.islands else _tree(found, tools), trouble


def _tree(found: Found, tools: Tools) -> Told:
    """The set as the checkout tells it, if there is one that does."""
    folder = locate(tools.settings.coderoot, found.recipe.repo)
    try:
        binaries = services.told_by_tree(found.app, folder) if folder.is_dir() else ()
    except HeroBuildError as error:
        return Told((), f"not known: {error.message}")
    return Told(binaries, f"read from {services.NAME} in {folder}" if binaries else "not known: no one tells it")


def _release(release: Release) -> ShownRelease:
    assets = tuple(ShownAsset(asset.name, asset.size) for asset in release.assets)
    return ShownRelease(release.forge, release.tag, release.created, release.prerelease, assets)
