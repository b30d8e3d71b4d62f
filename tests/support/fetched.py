"""Shared by the tests of verify/: a Fetched as transfer hands it on, and the platforms of this machine."""

import hashlib
import platform
from pathlib import Path

from hero_build.model.artifacts import Artifact, Platform
from hero_build.model.steps import Fetched

HOST = platform.machine()
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[HOST]
LINUX_MUSL, LINUX_GNU = Platform(ARCH, "musl"), Platform(ARCH, "gnu")


def fetched(artifact: Artifact, path: Path) -> Fetched:
    raw = path.read_bytes()
    return Fetched(artifact, path=path, form="file", sha256=hashlib.sha256(raw).hexdigest(), size=len(raw))
