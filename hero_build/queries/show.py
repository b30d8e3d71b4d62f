"""`show APP`: what its recipe says, what is installed, and what the forge has."""

from msgspec import Struct

from hero_build.catalog import service_toml
from hero_build.catalog.loader import LoadedRecipe, recipe_errors
from hero_build.catalog.recipe_facts import ask_recipe
from hero_build.context import Context
from hero_build.errors import ForgeError, HeroBuildError, NotFound, VerificationError
from hero_build.forge.build_record import BuildRecord
from hero_build.model.artifacts import Binary, Platform, WasmBundle
from hero_build.model.failure import Failure, failure
from hero_build.model.installed import Kind
from hero_build.model.steps import Release
from hero_build.pipeline.artifact_set import ArtifactSet, list_artifacts
from hero_build.platforms import machine_arch
from hero_build.queries.status import AppStatus, status
from hero_build.source.git.paths import locate


class ShownBinary(Struct, frozen=True):
    """`asset` is the name it is looked for under in a release, for this machine."""

    name: str
    kind: Kind
    formerly: str | None
    install_only: bool
    asset: str


class ShownAsset(Struct, frozen=True):
    name: str
    size: int | None


class ShownRelease(Struct, frozen=True):
    """`created` as the forge tells it (RFC 3339), empty where it tells nothing."""

    forge: str
    tag: str
    created: str
    prerelease: bool
    assets: tuple[ShownAsset, ...]


class AppDetails(Struct, frozen=True):
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
    trouble: Failure | None


def show(app: str, context: Context, version: str | None = None) -> AppDetails:
    """Of the release `version`, or the newest one; a forge that fails is told in the answer, unless one was named.

    Raises AppNotFound, RecipeError, RootDamaged, Unsupported; for a named release NotFound, ForgeError.
    """
    found = context.catalog.get(app)
    release, told, trouble = _asked(found, version, context)
    installed = status(context.root, context.catalog, (app,)).apps[0]
    with recipe_errors(found.path):
        platform = found.recipe.platform(machine_arch())
        binaries = tuple(_binary(found, item, platform) for item in told.binaries)
    bundles = (*found.recipe.bundles, *(item for item in told.artifacts if isinstance(item, WasmBundle)))
    return AppDetails(
        name=app,
        about=about(found),
        refuses=found.recipe.refuses or None,
        repo=found.recipe.repo,
        platform=str(platform),
        recipe=str(found.path),
        shadows=tuple(str(path) for path in found.shadows),
        set_from=told.listed_by,
        binaries=binaries,
        libraries=tuple(item.name for item in found.recipe.libraries),
        bundles=tuple(item.name for item in bundles),
        needs=found.recipe.needs,
        excludes=found.recipe.excludes,
        restarts=found.recipe.restarts,
        siblings=found.recipe.siblings,
        sets=tuple(f"@{name}" for name, apps in sorted(context.catalog.sets.items()) if app in apps),
        installed=installed,
        latest=_release(release) if release else None,
        builds=_builds(release, context) if release and version else (),
        trouble=trouble,
    )


def about(loaded: LoadedRecipe) -> str:
    """The first line of the recipe's docstring, without the app's name."""
    import ast  # the module itself is not kept by the catalog

    try:
        text = ast.get_docstring(ast.parse(loaded.path.read_bytes())) or ""
    except (OSError, SyntaxError, ValueError):
        return ""
    first = text.split("\n\n")[0].replace("\n", " ").strip()
    return first.removeprefix(f"{loaded.app}:").strip()


def _binary(loaded: LoadedRecipe, binary: Binary, platform: Platform) -> ShownBinary:
    asset = loaded.recipe.asset_name(binary, binary.name, platform)
    return ShownBinary(
        binary.name, kind=binary.kind, formerly=binary.formerly, install_only=binary.install_only, asset=asset
    )


def _builds(release: Release, context: Context) -> tuple[BuildRecord, ...]:
    from hero_build.forge.build_record import read_records

    return read_records(context.forge, release)


def _asked(
    loaded: LoadedRecipe, version: str | None, context: Context
) -> tuple[Release | None, ArtifactSet, Failure | None]:
    """The newest release, the set as it tells it, or else as a checkout does; and why the forge told nothing."""
    known = ArtifactSet(loaded.recipe.binaries, "the recipe")
    if loaded.recipe.refuses:
        return None, known, None
    release: Release | None = None
    try:
        recipe = ask_recipe(loaded, version=version)
        release = context.forge.find(recipe.ref)
        told, trouble = (
            list_artifacts(recipe, names=(), release=release, context=context),
            None,
        )
    except (ForgeError, NotFound, VerificationError) as error:
        if version:
            raise
        told, trouble = known, failure(error, loaded.app)
    return release, told if told.artifacts or loaded.recipe.islands else _tree(loaded, context), trouble


def _tree(loaded: LoadedRecipe, context: Context) -> ArtifactSet:
    """The set as the checkout tells it, if there is one that does."""
    folder = locate(context.settings.coderoot, loaded.recipe.repo)
    try:
        binaries = service_toml.binaries_of_tree(loaded.app, folder) if folder.is_dir() else ()
    except HeroBuildError as error:
        return ArtifactSet((), f"not known: {error.message}")
    return ArtifactSet(
        binaries, f"read from {service_toml.NAME} in {folder}" if binaries else "not known: no one tells it"
    )


def _release(release: Release) -> ShownRelease:
    assets = tuple(ShownAsset(asset.name, asset.size) for asset in release.assets)
    return ShownRelease(
        release.forge, tag=release.tag, created=release.created, prerelease=release.prerelease, assets=assets
    )
