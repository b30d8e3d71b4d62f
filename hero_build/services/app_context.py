"""What a recipe's `services` and `prepare` get: a `ServiceContext` (recipe.py) over an installed app."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from msgspec import Struct

from hero_build.errors import MachineError
from hero_build.model.artifacts import Binary
from hero_build.services.secret_files import read_secret

_MYCELIUM = ipaddress.ip_network("400::/7")
"""The addresses of the mycelium network."""
_INTERFACES = Path("/proc/net/if_inet6")


class AppContext(Struct, frozen=True):
    """`secrets`: whether to read them; a command that only looks gets empty ones."""

    app: str
    instance: str
    programs: tuple[Binary, ...]
    needs: tuple[str, ...]
    root: Path
    sockets: Path
    variables: Mapping[str, str]
    environ: Mapping[str, str]
    secrets: bool = True

    @property
    def lib(self) -> Path:
        return self.root / "lib"

    @property
    def data(self) -> Path:
        return self.root / "var" / self.app / self.instance

    def bin(self, name: str) -> Path:
        return self.root / "bin" / name

    def socket(self, app: str, name: str = "rpc") -> Path:
        instance = self.instance if app == self.app else ""
        return self.sockets / app / instance / f"{name}.sock"

    def socket_url(self, app: str, name: str = "rpc") -> str:
        return f"unix://{self.socket(app, name)}"

    def router_url(self, app: str, name: str = "web") -> str:
        base = self.setting("HERO_ROUTER_URL").rstrip("/")
        path = self.socket(app, name).relative_to(self.sockets).with_suffix("")
        return f"{base}/{quote(str(path))}/" if base else ""

    def secret(self, name: str) -> str:
        return read_secret(self.root, app=self.app, name=name, environ=self.environ) if self.secrets else ""

    def setting(self, name: str) -> str:
        return self.variables.get(name) or self.environ.get(name, "")

    def address(self) -> str:
        return overlay_address()

    def refuse(self, reason: str, hint: str) -> NoReturn:
        raise MachineError(reason, hint)


def overlay_address(interfaces: Path = _INTERFACES) -> str:
    """The first address of 400::/7 of this machine's interfaces; empty where mycelium has none."""
    try:
        lines = interfaces.read_text().splitlines()
    except OSError:  # a kernel without IPv6
        return ""
    for line in lines:
        address = ipaddress.IPv6Address(int(line.split()[0], 16))
        if address in _MYCELIUM:
            return str(address)
    return ""
