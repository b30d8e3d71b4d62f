"""`show APP`: its recipe, what is installed, and its release."""

from pathlib import Path

from msgspec import Struct

from hero_build.catalog import buildenv, checkout_set, service_toml
from hero_build.catalog.about import about
from hero_build.catalog.loader import LoadedRecipe, recipe_errors
from hero_build.catalog.recipe_facts import ask_recipe
from hero_build.context import Context
from hero_build.errors import ForgeError, HeroBuildError, NotFound, VerificationError
from hero_build.forge.build_record import BuildRecord
from hero_build.model.artifacts import Binary, Platform, WasmBundle
from hero_build.model.failure import Failure, failure
from hero_build.model.installed import STARTABLE, Kind
from hero_build.model.steps import Release
from hero_build.pipeline.artifact_set import ArtifactSet, list_artifacts
from hero_build.platforms import machine_arch
from hero_build.queries.status import AppStatus, status
from hero_build.source.git.paths import locate


class ShownBinary(Struct, frozen=True):
    """`asset`: its name in a release for this machine. `sockets`: of a service, the paths at which it may answer, the
    usual one first.
    """

    name: str
    kind: Kind
    formerly: str | None
    install_only: bool
    asset: str
    sockets: tuple[str, ...] = ()


class ShownAsset(Struct, frozen=True):
    name: str
    size: int | None


class ShownRelease(Struct, frozen=True):
    """`created`: RFC 3339, as the forge gives it; empty if it gives none."""

    forge: str
    tag: str
    created: str
    prerelease: bool
    assets: tuple[ShownAsset, ...]


class AppDetails(Struct, frozen=True):
    """`latest` is None if the forge has no answer; `trouble` is then the reason.

    `set_from`: the source of the binaries. `refuses`: why hero-build cannot install the app, None if it can.
    `builds`: the build records of the release, if one was named. `version`: the named release, which is then `latest`.
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
    version: str | None = None


def show(app: str, context: Context, version: str | None = None) -> AppDetails:
    """With release `version`, or the newest. An error of the forge is part of the answer, unless `version` is given.

    Raises AppNotFound, RecipeError, RootDamaged, Unsupported; for a named release NotFound, ForgeError.
    """
    loaded = context.catalog.get(app)
    release, listed, trouble = _release_and_set(loaded, version, context)
    installed = status(context.root, context.catalog, (app,)).apps[0]
    with recipe_errors(loaded.path):
        platform = loaded.recipe.platform(machine_arch())
        sockets = context.settings.sockets
        binaries = tuple(_binary(loaded, item, platform=platform, sockets=sockets) for item in listed.binaries)
    bundles = (*loaded.recipe.bundles, *(item for item in listed.artifacts if isinstance(item, WasmBundle)))
    return AppDetails(
        name=app,
        about=about(loaded.path),
        refuses=loaded.recipe.refuses or None,
        repo=loaded.recipe.repo,
        platform=str(platform),
        recipe=str(loaded.path),
        shadows=tuple(str(path) for path in loaded.shadows),
        set_from=listed.listed_by,
        binaries=binaries,
        libraries=tuple(item.name for item in loaded.recipe.libraries),
        bundles=tuple(item.name for item in bundles),
        needs=loaded.recipe.needs,
        excludes=loaded.recipe.excludes,
        restarts=loaded.recipe.restarts,
        siblings=loaded.recipe.siblings,
        sets=tuple(f"@{name}" for name, apps in sorted(context.catalog.sets.items()) if app in apps),
        installed=installed,
        latest=_release(release) if release else None,
        builds=_builds(release, context) if release and version else (),
        trouble=trouble,
        version=version,
    )


def _binary(loaded: LoadedRecipe, binary: Binary, platform: Platform, sockets: Path) -> ShownBinary:
    names = loaded.recipe.health(loaded.app, binary) if binary.kind in STARTABLE else ()
    return ShownBinary(
        binary.name,
        kind=binary.kind,
        formerly=binary.formerly,
        install_only=binary.install_only,
        asset=loaded.recipe.asset_name(binary, binary.name, platform),
        sockets=tuple(str(sockets / name) for name in names),
    )


def _builds(release: Release, context: Context) -> tuple[BuildRecord, ...]:
    from hero_build.forge.build_record import read_records

    return read_records(context.forge, release)


def _release_and_set(
    loaded: LoadedRecipe, version: str | None, context: Context
) -> tuple[Release | None, ArtifactSet, Failure | None]:
    """The release, the set of the release, else of the checkout or the recipe; and the error of the forge."""
    in_recipe = ArtifactSet(loaded.recipe.binaries, "the recipe")
    if loaded.recipe.refuses:
        return None, in_recipe, None
    release: Release | None = None
    try:
        recipe = ask_recipe(loaded, version=version)
        release = context.forge.find(recipe.ref)
        listed, trouble = (
            list_artifacts(recipe, names=(), release=release, context=context),
            None,
        )
    except (ForgeError, NotFound, VerificationError) as error:
        if version:
            raise
        listed, trouble = in_recipe, failure(error, loaded.app)
    return release, listed if listed.artifacts or loaded.recipe.islands else _checkout_set(loaded, context), trouble


def _checkout_set(loaded: LoadedRecipe, context: Context) -> ArtifactSet:
    """The set that a checkout's service manifests declare, if there is one."""
    folder = locate(context.settings.coderoot, loaded.recipe.repo)
    try:
        files = checkout_set.declarations(loaded, folder) if folder.is_dir() else ()
        binaries = service_toml.merge(files)
    except HeroBuildError as error:
        return ArtifactSet((), f"not known: {error.message}")
    name = buildenv.NAME if files[:1] and files[0].where == buildenv.NAME else service_toml.NAME
    return ArtifactSet(binaries, f"read from {name} in {folder}" if binaries else "not known: no source lists it")


def _release(release: Release) -> ShownRelease:
    assets = tuple(ShownAsset(asset.name, asset.size) for asset in release.assets)
    return ShownRelease(
        release.forge, tag=release.tag, created=release.created, prerelease=release.prerelease, assets=assets
    )
