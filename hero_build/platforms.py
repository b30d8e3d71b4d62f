"""Platforms as a person writes them, and the architecture of this machine."""

import os

from hero_build.errors import Unsupported, UsageError
from hero_build.model.artifacts import Libc, Platform

ARCHES = ("amd64", "arm64")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
LIBCS: tuple[Libc, ...] = ("musl", "gnu")


def parse(text: str) -> Platform:
    """The platform that `linux-amd64-musl` names. Raises UsageError, which lists the known ones."""
    known = [Platform(arch, libc) for arch in ARCHES for libc in LIBCS]
    for platform in known:
        if str(platform) == text:
            return platform
    raise UsageError(f"{text!r} is not a platform", f"There are: {', '.join(map(str, known))}.")


def machine_arch() -> str:
    """This machine's architecture as asset names spell it. Raises Unsupported."""
    machine = os.uname().machine
    try:
        return _MACHINES[machine]
    except KeyError:
        raise Unsupported(
            f"nothing is published for {machine} machines", f"Known are: {', '.join(_MACHINES)}."
        ) from None
