"""What a fetched artifact must match before it may be installed."""

import os

from msgspec import Struct

from hero_build.model.artifacts import Artifact, Library, Platform, pin_of
from hero_build.model.steps import SelectedAsset
from hero_build.platforms import machine_arch


class Expect(Struct, frozen=True):
    """`name` is what errors call the file; sha256 and size are not checked if None.

    `glibc` is this machine's, None where it has none (a musl host). `member` is the file to extract from an archive.
    `here`: the file must start on this machine, with its loader and C library; otherwise on the platform.
    """

    name: str
    sha256: str | None
    size: int | None
    platform: Platform
    glibc: tuple[int, int] | None
    member: str = ""
    here: bool = False


def expect_for(artifact: Artifact, selected: SelectedAsset | None, platform: Platform) -> Expect:
    """What `selected` says about the artifact, on this machine; None: a build's output. Raises Unsupported.

    A file for this machine's architecture must start here.
    """
    here = platform.arch == machine_arch()
    name = selected.asset.name if selected else artifact.name
    size = selected.asset.size if selected else None
    if isinstance(artifact, Library):
        pin = pin_of(artifact, platform)
        return Expect(
            name,
            sha256=pin.sha256.lower(),
            size=size,
            platform=platform,
            glibc=host_glibc(),
            member=pin.member,
            here=here,
        )
    sha256 = (selected.sha256 or selected.asset.sha256) if selected else None
    return Expect(
        name,
        sha256=sha256.lower() if sha256 else None,
        size=size,
        platform=platform,
        glibc=host_glibc(),
        here=here,
    )


def host_glibc() -> tuple[int, int] | None:
    """The version of this machine's GNU libc; None if Python runs on another libc."""
    try:
        family, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        major, minor = version.split(".")[:2]
        return (int(major), int(minor)) if family == "glibc" else None
    except (ValueError, OSError):
        return None
