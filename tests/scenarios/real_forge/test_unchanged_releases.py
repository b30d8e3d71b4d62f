"""A real forge is asked once an app where nothing changed; a replaced asset or checksum file is seen by its id."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from support import mirrors
from support.forge_server import ForgeServer
from support.processes import until
from support.server_releases import CuttingProxy
from support.worlds import Done, World


@dataclass(frozen=True, slots=True)
class Published:
    """`db` v1 on the forge, installed in a world that reaches the forge through a proxy which counts."""

    world: World
    forge: ForgeServer
    proxy: CuttingProxy
    repo: str

    def install(self, *words: str) -> tuple[Done, list[str]]:
        """An install, and the paths that it asked for; with `--json` as a word it reads no receipt."""
        before = len(self.proxy.asked)
        environ = {"FORGEJO_URL": self.proxy.url, "PYTEST_CURRENT_TEST": "any"}
        done = self.world.run("install", "db", "--mode", "download", *words, env=environ)
        return done, [request.path for request in self.proxy.asked[before:]]

    def replace(self, files: dict[str, bytes]) -> None:
        """Delete these assets of v1 and upload others of the same names."""
        release: dict[str, Any] = self.forge.api("GET", f"/repos/{self.repo}/releases/tags/v1")
        for asset in release["assets"]:
            if asset["name"] in files:
                self.forge.api("DELETE", f"/repos/{self.repo}/releases/{release['id']}/assets/{asset['id']}")
        for name, content in files.items():
            self.forge.upload(self.repo, release=release["id"], name=name, content=content)


def files(program: str, digests: str = "") -> dict[str, bytes]:
    """The assets of a release: the program of one version, and checksums of one."""
    return {**mirrors.programs(program, "db"), "SHA256SUMS": mirrors.sums(mirrors.programs(digests or program, "db"))}


@pytest.fixture
def published(world: World, forge_server: ForgeServer) -> Iterator[Published]:
    name = f"asked-{uuid4().hex[:8]}"
    repo = forge_server.create_repo(name)
    forge_server.release(repo, "v1", files("v1"))
    world.recipe("db")
    (world.recipes / "db.py").write_text((world.recipes / "db.py").read_text().replace('"o/db"', f'"{repo}"'))
    with CuttingProxy(forge_server.url) as proxy:
        made = Published(world, forge_server, proxy, repo)
        done, _ = made.install()
        assert done.code == 0, done.err
        yield made


@pytest.mark.parametrize("words", [(), ("--json",)], ids=["receipt", "decision"])
def test_nothing_changed_is_one_request(published: Published, words: tuple[str, ...]) -> None:
    latest = f"/api/v1/repos/{published.repo}/releases/latest"
    assert until(lambda: (published.world.root.state / "receipt").exists() or published.install()[0].code > 0)
    done, paths = published.install(*words)
    assert (done.code, paths) == (0, [latest])


@pytest.mark.parametrize("words", [(), ("--json",)], ids=["receipt", "decision"])
def test_a_replaced_asset_is_installed(published: Published, words: tuple[str, ...]) -> None:
    published.install()
    published.replace(files("v1b"))
    done, _ = published.install(*words)
    assert done.code == 0, done.err
    assert (published.world.root.path / "bin" / "db").read_bytes() == files("v1b")[mirrors.asset("db")]


@pytest.mark.parametrize("words", [(), ("--json",)], ids=["receipt", "decision"])
def test_a_checksum_file_alone(published: Published, words: tuple[str, ...]) -> None:
    """The same text under a new id is no change; another digest is one, which the program does not match."""
    published.install()
    published.replace({"SHA256SUMS": files("v1")["SHA256SUMS"]})
    done, paths = published.install(*words)
    assert done.code == 0, done.err
    assert len(paths) in (2, 3), "the checksum file is read"
    published.replace({"SHA256SUMS": files("v1", digests="v1b")["SHA256SUMS"]})
    done, _ = published.install(*words)
    assert (done.code, "has the sha256" in done.out + done.err) == (5, True)
    assert (published.world.root.path / "bin" / "db").read_bytes() == files("v1")[mirrors.asset("db")]
