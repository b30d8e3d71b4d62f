"""Lock files: what each app's release has for this machine, written down; and a Forge that reads it back."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hero_build.artifact import Library
from hero_build.catalog import asking
from hero_build.errors import HeroBuildError, ReleaseNotFound, UsageError
from hero_build.events import Began, Broke, Emit, Finished, Moved
from hero_build.forge import lockfile, open_forge
from hero_build.forge.protocol import Forge
from hero_build.model import Asset, Failed, Offer, Request
from hero_build.pipeline import Step, plan
from hero_build.record import PartId
from hero_build.settings import Settings
from hero_build.tools import Tools, machine_arch

if TYPE_CHECKING:
    from hero_build.forge.inbox import Inbox

DOWNLOADS = "downloads"


@dataclass(frozen=True, slots=True)
class PinnedApp:
    """An app as a lock file holds it; `assets` are those that this machine takes."""

    name: str
    repo: str
    tag: str
    assets: tuple[Asset, ...]


@dataclass(frozen=True, slots=True)
class Pinnings:
    """What was pinned. Nothing is written when an app failed: a lock file holds all that was asked for."""

    file: str
    arch: str
    forge: str
    written: bool
    apps: tuple[PinnedApp, ...]
    failed: tuple[Failed, ...]


def pin(apps: Sequence[str], file: Path, tools: Tools) -> Pinnings:
    """Write the lock file of these apps' newest releases. An asset without a published digest is fetched and hashed.

    Raises NotWritable, DiskFull, RootDamaged, Unsupported.
    """
    from hero_build.forge.inbox import Inbox  # not for whoever only opens a lock file

    todo = plan([Request(app, "download", checksum="if-present") for app in apps], tools)
    with (
        Inbox(tools.settings.cache / DOWNLOADS) as inbox,
        ThreadPoolExecutor(tools.settings.jobs, thread_name_prefix="pin") as pool,
    ):
        results = list(pool.map(lambda step: _pin(step, inbox, tools), todo.steps))
    pins = tuple(result for result in results if isinstance(result, lockfile.Pin))
    failed = (*todo.failed, *(result for result in results if isinstance(result, Failed)))
    lock = lockfile.Lock(machine_arch(), tools.forge.url, pins)
    if not failed:
        lockfile.write(file, lock)
    named = tuple(PinnedApp(item.app, item.release.repo, item.release.tag, item.release.assets) for item in pins)
    return Pinnings(str(file), lock.arch, lock.forge, not failed, named, failed)


def open_lock(file: Path, settings: Settings, emit: Emit) -> tuple[Forge, tuple[str, ...]]:
    """The Forge over a lock file, and the apps that it pins. Asks nobody. Raises UsageError.

    The token goes along only when the settings name the same forge: a lock file may come from anyone.
    """
    lock = lockfile.read(file)
    if lock.arch != machine_arch():
        sentence = f"{file} was written on {lock.arch}, and this machine is {machine_arch()}"
        raise UsageError(sentence, "Write one here with `hero-build lock APP… -o FILE`.")
    if settings.source("forge") == "flag" and settings.forge != lock.forge:
        sentence = f"{file} pins files at {lock.forge}, and --forge names {settings.forge}"
        raise UsageError(sentence, "Leave out --forge, or write a lock file with `hero-build --forge URL lock APP…`.")
    there = replace(settings, forge=lock.forge, token=settings.token if settings.forge == lock.forge else None)
    return lockfile.Locked(lock, lambda: open_forge(there, emit)), tuple(item.app for item in lock.pins)


def _pin(step: Step, inbox: "Inbox", tools: Tools) -> lockfile.Pin | Failed:
    facts = step.facts
    found = tools.catalog.get(facts.app)
    try:
        with asking(found.path):
            package = found.recipe.package(None)
        if facts.release is None:
            raise ReleaseNotFound(f"there is no release of {found.recipe.repo} to pin", "Publish one first.")
        offers = [offer for artifact, offer in facts.offers.items() if not isinstance(artifact, Library)]
        offers += [Offer(facts.manifest, facts.manifest.sha256)] if facts.manifest else []
        assets = _proven(facts.app, facts.release.tag, offers, inbox, tools)
        return lockfile.Pin(facts.app, replace(facts.release, assets=assets), package)
    except HeroBuildError as error:
        failed = Failed(facts.app, None, error)
        tools.emit(Broke(failed))
        return failed


def _proven(app: str, tag: str, offers: Sequence[Offer], inbox: "Inbox", tools: Tools) -> tuple[Asset, ...]:
    """The assets with digests: those that are published, and for the rest those of what is there now."""
    bare = [offer.asset.size for offer in offers if offer.sha256 is None]
    if bare:
        total = None if None in bare else sum(size or 0 for size in bare)
        tools.emit(Began(PartId(app), "fetch and hash", tag, total))
    assets = tuple(_hashed(app, offer, inbox, tools) for offer in offers)
    if bare:
        tools.emit(Finished(PartId(app)))
    return assets


def _hashed(app: str, offer: Offer, inbox: "Inbox", tools: Tools) -> Asset:
    if offer.sha256:
        return replace(offer.asset, sha256=offer.sha256)
    from hero_build.forge.transfer import fetch

    def progress(size: int) -> None:
        tools.emit(Moved(PartId(app), size))

    arrived = fetch(tools.forge, offer.asset, inbox, progress=progress, limits=tools.limits, emit=tools.emit)
    arrived.path.unlink()
    return replace(offer.asset, sha256=arrived.sha256, size=arrived.size)
