"""`lock --installed`: the lock file of what a root has, compared with the forge, or as the manifest records it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hero_build import manifest
from hero_build.catalog.loader import recipe_errors
from hero_build.catalog.recipe_facts import binaries_from_names
from hero_build.context import Context
from hero_build.errors import ChecksumMismatch, HeroBuildError, ReleaseNotFound
from hero_build.events import WarningRaised
from hero_build.forge.lock_source import release_address
from hero_build.forge.lockfile import Lock, Pin
from hero_build.model.artifacts import phase_of
from hero_build.model.installed import InstalledArtifact, InstalledPart, Phase
from hero_build.model.steps import Asset, Failed, Release, Request
from hero_build.ops.install import plan
from hero_build.ops.write_lockfile import LockReport, pin_failed, pins_of, write_lock
from hero_build.platforms import machine_arch

if TYPE_CHECKING:
    from hero_build.publish.signing import Signer

_COMMANDS: Mapping[Phase, str] = {"install": "install {}", "shell": "shell", "islands": "islands"}
_AGAIN = "Leave out --offline: then the forge says it."


class InstalledRelease(Struct, frozen=True):
    """The installed parts of an app that come from one release, all of one phase."""

    app: str
    phase: Phase
    records: tuple[InstalledPart, ...]

    @property
    def tag(self) -> str | None:
        return self.records[0].origin.tag

    @property
    def entries(self) -> tuple[InstalledArtifact, ...]:
        """What the lock file pins; a recipe pins libraries."""
        return tuple(item for record in self.records for item in record.entries if item.artifact != "library")


def pin_installed(
    apps: Sequence[str], file: Path, context: Context, signer: "Signer | None" = None, *, offline: bool = False
) -> LockReport:
    """Write the lock file of the releases that are installed of these apps, with their bundles.

    What is installed must be what the forge has under that tag, since an install from the file gets it from there;
    `offline`: the forge is not asked, and the file pins what the manifest records. Raises as `write_lockfile.pin`.
    """
    installed, refused = _releases(apps, context)
    results = [_recorded(item, context) for item in installed] if offline else _compared(installed, context)
    pins = tuple(item for item in results if isinstance(item, Pin))
    failed = (*refused, *(item for item in results if isinstance(item, Failed)))
    forges = sorted({pin.release.forge for pin in pins}) if offline else [context.forge.url]
    if len(forges) > 1:
        failed = (*failed, *(_other_forge(pin, forges[0], context) for pin in pins if pin.release.forge != forges[0]))
    return write_lock(
        Lock(machine_arch(), (forges or [context.forge.url])[0], pins), failed=failed, file=file, signer=signer
    )


def _releases(apps: Sequence[str], context: Context) -> tuple[list[InstalledRelease], list[Failed]]:
    """What can be pinned of these apps, and those of which nothing can; bundles beside programs are a warning then."""
    groups: dict[tuple[str, Phase], list[InstalledPart]] = {}
    generation = manifest.load(context.root.path)
    for part, record in sorted(generation.records.items(), key=lambda item: str(item[0])):
        groups.setdefault((part.app, phase_of(record)), []).append(record)
    installed, refused = [], []
    for app in apps:
        for name, phase in (key for key in groups if key[0] == app):
            item = InstalledRelease(name, phase, tuple(groups[name, phase]))
            if (error := _unpinnable(item)) is None:
                installed.append(item)
            elif phase != "install" and (app, "install") in groups:
                context.emit(WarningRaised(error.message, error.hint))
            else:
                refused.append(pin_failed(app, error, context))
    return installed, refused


def _unpinnable(item: InstalledRelease) -> HeroBuildError | None:
    """Why a lock file cannot pin it."""
    command = f"hero-build {_COMMANDS[item.phase].format(item.app)}"
    for record in item.records:
        if record.origin.used == "source":
            sentence = f"{record.id} {record.origin.version} was built from source, and a lock file pins releases"
            hint = f"`{command} --mode download` installs its newest release; or name the other apps."
            return ReleaseNotFound(sentence, hint)
    tags = sorted({record.origin.tag or "" for record in item.records})
    if len(tags) == 1:
        return None
    sentence = f"the {item.phase} of {item.app} are of the releases {' and '.join(tags)}, and a lock file pins one"
    return ReleaseNotFound(sentence, f"`{command} --version {tags[-1]}` installs all of that one.")


def _compared(installed: Sequence[InstalledRelease], context: Context) -> list[Pin | Failed]:
    """The pins of what the forge has, if its files are those that are installed."""
    by_key = {(item.app, item.phase): item for item in installed}
    plans = plan([_request(item) for item in installed], context)
    pins, failed = pins_of(plans.steps, context)
    return [*(_as_installed(pin, by_key[pin.app, pin.phase], context) for pin in pins), *plans.failed, *failed]


def _request(item: InstalledRelease) -> Request:
    names = tuple(record.id.bundle or "" for record in item.records) if item.phase == "islands" else ()
    return Request(item.app, "download", item.tag, checksum="if-present", phase=item.phase, names=names)


def _as_installed(pin: Pin, installed: InstalledRelease, context: Context) -> Pin | Failed:
    digests = {asset.name: asset.sha256 for asset in pin.release.assets}
    other = [entry.name for entry in installed.entries if digests.get(entry.asset or "") != entry.asset_sha256]
    if not other:
        return pin
    sentence = f"{other[0]} of {pin.app} {pin.release.tag} at {context.forge.url} is not the file that is installed"
    hint = (
        f"It was published again: `hero-build {_COMMANDS[pin.phase].format(f'{pin.app}@{pin.release.tag}')}` installs "
        "what is there now; --offline pins what is installed, for mirrors and packs that have it."
    )
    return pin_failed(pin.app, ChecksumMismatch(sentence, hint), context)


def _recorded(item: InstalledRelease, context: Context) -> Pin | Failed:
    """The pin of what the manifest records."""
    try:
        return _from_manifest(item, context)
    except HeroBuildError as error:
        return pin_failed(item.app, error, context)


def _from_manifest(item: InstalledRelease, context: Context) -> Pin:
    """Raises ReleaseNotFound where the manifest has not all of it."""
    origin, loaded = item.records[0].origin, context.catalog.get(item.app)
    if origin.tag is None or (missing := [entry.name for entry in item.entries if not entry.asset_sha256]):
        name = item.app if origin.tag is None else missing[0]
        raise ReleaseNotFound(f"the manifest does not have the release file that {name} came from", _AGAIN)
    names = {entry.asset or "" for entry in item.entries}
    if item.phase == "install" and not loaded.recipe.binaries:
        listed = {binary.name for binary in binaries_from_names(loaded, names)}
        if listed != {entry.name for entry in item.entries}:
            sentence = f"only the service.toml of release {origin.tag} lists the programs of {item.app}"
            raise ReleaseNotFound(sentence, _AGAIN)
    with recipe_errors(loaded.path):
        package = loaded.recipe.package(None)
    release = Release(origin.forge, repo=origin.repo, tag=origin.tag, assets=(), commit=origin.commit)
    pin = Pin(item.app, release, package=package, phase=item.phase)
    return replace(pin, release=replace(release, assets=tuple(_asset(entry, pin) for entry in item.entries)))


def _asset(entry: InstalledArtifact, pin: Pin) -> Asset:
    """The size is that of a file that was installed as it came; an archive's is not recorded."""
    size = next((file.size for file in entry.files if file.sha256 == entry.asset_sha256), None)
    asset = Asset(entry.asset or "", url="", size=size, id=entry.asset_id, sha256=entry.asset_sha256)
    return replace(asset, url=release_address(asset, pin))


def _other_forge(pin: Pin, forge: str, context: Context) -> Failed:
    sentence = f"{pin.app} was installed from {pin.release.forge}, other apps from {forge}; a lock file has one forge"
    error = ReleaseNotFound(sentence, "Name the apps of one of them, or leave out --offline.")
    return pin_failed(pin.app, error, context)
