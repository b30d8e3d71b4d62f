"""Platforms as a person writes them."""

from hero_build.artifact import Libc, Platform
from hero_build.errors import UsageError

ARCHES = ("amd64", "arm64")
_LIBCS: tuple[Libc, ...] = ("musl", "gnu")


def parse(text: str) -> Platform:
    """`linux-amd64-musl` as a value. Raises UsageError, which lists what there is."""
    known = [Platform(arch, libc) for arch in ARCHES for libc in _LIBCS]
    for platform in known:
        if str(platform) == text:
            return platform
    raise UsageError(f"{text!r} is not a platform", f"There are: {', '.join(map(str, known))}.")
