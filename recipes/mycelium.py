"""mycelium: the network, and its message bus."""

# Its set is read from the repo or the release. A workspace (crates mycelium_server and mycelium_server_msg, both
# daemons), of which several instances may run; the message bus needs no TUN device. In the public repo, mycelium and
# mycelium-private are daemons, too, each in a workspace of its own; its buildenv.sh lists them without their kinds. The
# repo's owner is yet to be confirmed.

import os

from msgspec.structs import replace

from hero_build.recipe import Binary, HttpProbe, Kind, Probe, Recipe, Service, ServiceContext


class Mycelium(Recipe):
    repo = "lhumina_code/mycelium_network"
    instances = True

    def kind(self, name: str) -> Kind:
        daemons = ("mycelium", "mycelium-private", "mycelium_server_msg")
        return "server" if name in daemons else super().kind(name)

    def services(self, ctx: ServiceContext) -> tuple[Service, ...]:
        """mycelium-private takes the place of mycelium, and needs a network and its key: it is not started here."""
        usual = (item for item in super().services(ctx) if item.binary != "mycelium-private")
        return tuple(_node(item, ctx) if item.binary == "mycelium" else item for item in usual)

    def probes(self, ctx: ServiceContext, binary: Binary) -> tuple[Probe, ...]:
        """The message bus has a socket of its own."""
        return (HttpProbe(ctx.socket(ctx.app, "msg" if binary.name.endswith("_msg") else "rpc")),)


def _node(service: Service, ctx: ServiceContext) -> Service:
    """Without CAP_NET_ADMIN there is no TUN device; the API's ports are those of the first node."""
    command = service.command if _may_open_tun(service) else (*service.command, "--no-tun")
    return replace(service, command=command, ports=() if ctx.instance else (8989, 8990))


def _may_open_tun(service: Service) -> bool:
    """Root may, and a program with file capabilities (setcap(8))."""
    try:
        return os.geteuid() == 0 or bool(os.getxattr(service.command[0], "security.capability"))
    except OSError:
        return False
