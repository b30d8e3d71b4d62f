"""mycelium: the network and its message bus; its set is read from the repo or the release.

A workspace (crates mycelium_server and mycelium_server_msg, both daemons), of which several instances may run; the
message bus needs no TUN device. The repo's owner is yet to be confirmed.
"""

from hero_build.recipe import Recipe


class Mycelium(Recipe):
    repo = "lhumina_code/mycelium_network"
