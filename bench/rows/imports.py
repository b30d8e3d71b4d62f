"""What commands import: what a person waits for before anything is done. That of `publish` is with its own rows."""

from bench import imports
from bench.bench import Bench
from bench.measure import Peer, seconds
from bench.peers import hero, hero_command
from bench.result import Row
from bench.scratch import scratch
from bench.world import TINY

_INSTALL = ("install", "@bench", "--mode", "download")


def rows(bench: Bench) -> list[Row]:
    """One app is installed; the cold install is of the same one, into another root."""
    cold = hero(bench.context.hero, apps=TINY[:1], fleet="one", base=bench.server.near)
    with scratch("imports") as folder:

        def peer(*arguments: str) -> Peer:
            command = hero_command(bench.context.hero, "one", bench.server.near, folder, *arguments)
            return Peer(" ".join(arguments), lambda _: command)

        for _ in range(2):
            seconds(peer(*_INSTALL).prepare(folder))
        named = {"install, nothing to do": peer(*_INSTALL), "install, cold": cold}
        named |= {word: peer(word) for word in ("--version", "list", "status", "verify", "upgrade")}
        return [imports.row(name, named[name]) for name in named]
