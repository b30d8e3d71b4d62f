"""What a release's build records say of a part that came from it, for the manifest."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hero_build.errors import HeroBuildError
from hero_build.events import Warned
from hero_build.model import Asset, Verified
from hero_build.record import Fingerprint, Making, Origin
from hero_build.tools import Tools

if TYPE_CHECKING:
    from hero_build.publish.provenance import BuildRecord


def read(asset: Asset, tools: Tools) -> "BuildRecord | None":
    """One record; None where it cannot be had, which keeps nothing from being installed."""
    from hero_build.forge.transfer import read_small
    from hero_build.publish.provenance import decode

    try:
        return decode(read_small(tools.forge, asset, limits=tools.limits, emit=tools.emit), asset.name)
    except HeroBuildError as error:
        tools.emit(Warned(f"how it was built is not known: {error.message}", error.hint))
        return None


def traced(origin: Origin, verified: Sequence[Verified], records: "Sequence[BuildRecord | None]") -> Origin:
    """The origin with the commit and the making of the record that speaks of these very files, if one does."""
    came = {item.fetched.offer.asset.name: item.fetched.sha256 for item in verified if item.fetched.offer}
    for record in records:
        if record is None:
            continue
        made = {item.asset: item.sha256 for item in record.made}
        told = {name: made.get(name) for name in came if name in made}
        if told and all(came[name] == digest for name, digest in told.items()):
            return replace(origin, commit=record.commit, dirty=record.dirty, build=_making(record))
    return origin


def _making(record: "BuildRecord") -> Making:
    runner = " ".join(word for word in (record.runner.name, record.runner.url, record.runner.system) if word)
    words = {
        "toolchain": record.toolchain,
        "lock": record.lock or "none",
        "build": record.fingerprint,
        "runner": runner,
        "tool": record.tool,
    }
    return Making("", Fingerprint(tuple(words.items())))
