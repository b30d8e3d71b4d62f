"""What a release itself says of the digests of its assets: SHA256SUMS, and the files beside the assets."""

from collections.abc import Iterable
from functools import partial

from hero_build.publish.api import Held, Listing
from hero_build.publish.loading import Loader
from hero_build.publish.parcels import BESIDE, SUMS
from hero_build.verify import checksums


def listed(loader: Loader, listing: Listing) -> dict[str, str]:
    """What SHA256SUMS says; nothing where the release has none. Raises ChecksumUnreadable."""
    found = listing.named(SUMS)
    return dict(checksums.parse(loader.read(found[0].asset), SUMS)) if found else {}


def beside(loader: Loader, listing: Listing, names: Iterable[str]) -> dict[str, str]:
    """What `<asset>.sha256` says of each of the names that has one. Raises ChecksumUnreadable."""
    pairs = [(name, found[0]) for name in names if (found := listing.named(f"{name}{BESIDE}"))]
    return dict(loader.crew.each([partial(_read, loader, name, held) for name, held in pairs]))


def _read(loader: Loader, name: str, held: Held) -> tuple[str, str]:
    return name, checksums.parse_single(loader.read(held.asset), name)
