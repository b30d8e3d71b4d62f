"""Where a whole app comes from, release or source, before anything is cloned. Pure.

mode      release carries every artifact   it lacks one        there is none
auto      FromRelease                      FromSource          FromSource
download  FromRelease                      Unavailable         ReleaseNotFound, while resolving
source    FromSource                       FromSource          FromSource
"""

from collections.abc import Mapping

from hero_build.errors import AssetNotFound, ReleaseNotFound
from hero_build.forge.protocol import UnknownRelease
from hero_build.model.artifacts import Artifact
from hero_build.model.decisions import Choice, FromRelease, FromSource, Unavailable
from hero_build.model.names import nearest
from hero_build.model.steps import Release, Request, SelectedAsset

_SHOWN = 20


def choose(
    request: Request,
    *,
    release: Release | None,
    names: Mapping[Artifact, tuple[str, ...]],
    selected: Mapping[Artifact, SelectedAsset],
    absent: ReleaseNotFound | None = None,
) -> Choice:
    """Where the whole app comes from. `names`: the asset names of each artifact; `selected`: the assets that match;
    `absent`: why there is no release.

    It needs no checkout: a build is chosen before there is one.
    """
    if request.ref is not None:
        no_opt = "" if request.optimise else ", and --no-opt leaves out wasm-opt"
        return FromSource(f"--ref {request.ref} names a commit to build{no_opt}")
    if request.mode == "source":
        flag = "--mode source asks for a build" if request.optimise else "--no-opt asks for a build without wasm-opt"
        return FromSource(flag)
    if release is None:
        why = f"release {request.version} does not exist" if request.version else "no release exists"
        return FromSource(why, absent if isinstance(absent, UnknownRelease) else ReleaseNotFound(why))
    if not names:
        return _unlisted(request, release)
    missing = [artifact for artifact in names if artifact not in selected]
    if not missing:
        return FromRelease(release, _carries_all(request, len(names), release))
    error = _no_asset(names[missing[0]], release)
    if request.mode == "download":
        return Unavailable(error)
    return FromSource(f"release {release.tag} lacks {names[missing[0]][0]}", error)


def _unlisted(request: Request, release: Release) -> Choice:
    """Neither recipe nor release lists the artifacts: the tree may."""
    islands = request.phase == "islands"
    sentence = f"release {release.tag} " + (
        "has no islands" if islands else f"does not list the programs of {request.app}"
    )
    if islands:
        error = AssetNotFound(sentence, f"It needs assets like NAME-wasm.tar.gz. {_assets_of(release)}")
    else:
        app = request.app
        needed = f"a service.toml, or assets named {app}, {app}_server, {app}_admin or {app}_web"
        hint = f"It needs {needed}. {_assets_of(release)}"
        error = AssetNotFound(f"{sentence}, and the recipe lists no binaries", hint)
    return Unavailable(error) if request.mode == "download" else FromSource(sentence, error)


def _carries_all(request: Request, count: int, release: Release) -> str:
    one, many = ("bundle", "bundles") if request.phase != "install" else ("binary", "binaries")
    every = f"all {count} {many}" if count > 1 else f"its {one}"
    return f"release {release.tag} carries {every}"


def _no_asset(names: tuple[str, ...], release: Release) -> AssetNotFound:
    name, *formerly = names
    nor = f" (nor {formerly[0]})" if formerly else ""
    sentence = f"release {release.tag} of {release.repo} has no asset {name}{nor}"
    close = nearest(name, [asset.name for asset in release.assets], most=1, cutoff=0.7)
    return AssetNotFound(sentence, _assets_of(release) + (f" Nearest: {close[0]}." if close else ""))


def _assets_of(release: Release) -> str:
    names = [asset.name for asset in release.assets]
    more = ", …" if len(names) > _SHOWN else ""
    return f"It has: {', '.join(names[:_SHOWN])}{more}." if names else "It has no assets at all."
