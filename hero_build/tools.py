"""What the steps of the pipeline work with, made once by the caller and passed down whole."""

import os
from dataclasses import dataclass

from hero_build.catalog import Catalog
from hero_build.errors import Unsupported
from hero_build.events import Emit
from hero_build.forge.limits import Limits, limits_of
from hero_build.forge.protocol import Forge
from hero_build.install.layout import Root
from hero_build.settings import Settings
from hero_build.source.access import Checkouts

_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Tools:
    settings: Settings
    root: Root
    catalog: Catalog
    forge: Forge
    emit: Emit
    checkouts: Checkouts

    @property
    def limits(self) -> Limits:
        return limits_of(self.settings)


def machine_arch() -> str:
    """This machine's architecture as asset names spell it. Raises Unsupported."""
    machine = os.uname().machine
    try:
        return _ARCH[machine]
    except KeyError:
        raise Unsupported(f"nothing is published for {machine} machines", f"Known are: {', '.join(_ARCH)}.") from None
