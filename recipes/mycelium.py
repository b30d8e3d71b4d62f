"""mycelium: the network, and its message bus."""

# Its set is read from the repo or the release. A workspace (crates mycelium_server and mycelium_server_msg, both
# daemons), of which several instances may run; the message bus needs no TUN device. In the public repo, mycelium and
# mycelium-private are daemons, too, each in a workspace of its own; its buildenv.sh lists them without their kinds. The
# repo's owner is yet to be confirmed.

from hero_build.recipe import Kind, Recipe


class Mycelium(Recipe):
    repo = "lhumina_code/mycelium_network"

    def kind(self, name: str) -> Kind:
        return "server" if name in ("mycelium", "mycelium-private") else super().kind(name)
