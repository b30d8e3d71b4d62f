"""The line that installs hero-build in a CI job: the wheel of its newest release on this forge, by its digest."""

import re

from hero_build.context import Context
from hero_build.errors import AssetNotFound, InvalidChecksumFile, NotFound, UsageError
from hero_build.forge.protocol import Ref
from hero_build.forge.transfer import read_small
from hero_build.model.steps import Asset, Release
from hero_build.verify import checksums

REPO = "lhumina_code/hero_build"
_WHEEL = re.compile(r"hero_build-.*-py3-none-any\.whl")
_PLAIN = re.compile(r"[A-Za-z0-9_.@/:+%~-]+")
_OWN = "Or write the command yourself: --install COMMAND."
_LINE = (
    'python3 -m venv "${{RUNNER_TEMP:-/tmp}}/hero-build"'
    ' && "${{RUNNER_TEMP:-/tmp}}/hero-build/bin/pip" install --quiet "hero-build @ {url}#sha256={sha256}"'
    ' && echo "${{RUNNER_TEMP:-/tmp}}/hero-build/bin" >> "$GITHUB_PATH"'
)


def install_command(context: Context) -> str:
    """One line of shell. Raises NotFound without a release that has a wheel, InvalidChecksumFile for one without a
    digest, ForgeError.
    """
    try:
        release = context.forge.find(Ref(REPO))
    except NotFound as error:
        raise NotFound(f"{context.forge.url} has no release of hero-build: {error.message}", _OWN) from error
    wheel = _wheel(release)
    if not _PLAIN.fullmatch(wheel.url):
        raise UsageError(f"the address of {wheel.name} cannot stand in a command: {wheel.url!r}", _OWN)
    return _LINE.format(url=wheel.url, sha256=_digest(release, wheel, context))


def _wheel(release: Release) -> Asset:
    for asset in release.assets:
        if _WHEEL.fullmatch(asset.name):
            return asset
    raise AssetNotFound(f"release {release.tag} of {release.repo} has no wheel", _OWN)


def _digest(release: Release, wheel: Asset, context: Context) -> str:
    by_name = {asset.name: asset for asset in release.assets}

    def read(name: str) -> bytes:
        return read_small(context.forge, by_name[name], limits=context.limits, emit=context.emit)

    digests = checksums.published_digests({wheel.name: wheel.sha256}, files=tuple(by_name), read=read)
    if wheel.name not in digests:
        raise InvalidChecksumFile(f"release {release.tag} of {release.repo} has no checksum for {wheel.name}", _OWN)
    return digests[wheel.name].sha256
