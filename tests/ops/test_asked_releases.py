"""An install that asks a server and has nothing to do: one request an app, and any change on the server is seen."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import mirrors
from support.fault_server import Behaviour, FaultServer, answer, document, json_answer, raw, redirect, serve
from support.limits import TOKEN
from support.processes import until
from support.worlds import Done, World

APPS = ("code", "db")
INSTALL = ("install", *APPS, "--mode", "download")
LATEST = {app: f"/api/v1/repos/o/{app}/releases/latest" for app in APPS}


def recalled(done: Done) -> bool:
    """Whether the answer is that of the receipt: the settings were not read then."""
    return "hero_build.settings" not in done.err


@dataclass(frozen=True, slots=True)
class Asked:
    """Two apps on a server that are installed, with a receipt."""

    world: World
    server: FaultServer
    certificate: str = ""

    def run(self, *words: str, **environ: str) -> Done:
        usual = {"FORGEJO_URL": self.server.url, "PYTEST_CURRENT_TEST": "any"}  # pytest's own differs in each phase
        usual |= {"SSL_CERT_FILE": self.certificate} if self.certificate else {}
        return self.world.run(*(words or INSTALL), env={**usual, **environ}, python=("-X", "importtime"))

    def requests(self, *words: str, **environ: str) -> tuple[Done, list[str]]:
        """A run, and the paths that it asked for."""
        before = len(self.server.seen)
        done = self.run(*words, **environ)
        return done, sorted(self.server.paths()[before:])

    def publish(
        self, tag: str, *, app: str = "db", version: str = "", digests: str = "", mark: str = ""
    ) -> dict[str, Any]:
        """A release, whose uploads have ids that end in `mark`; `digests`: the version that SHA256SUMS lists."""
        files = mirrors.programs(version or tag, app)
        listed = mirrors.programs(digests or version or tag, app)
        files["SHA256SUMS"] = mirrors.sums(listed)
        release = document(f"{self.server.url}/{app}", tag, {name: len(data) for name, data in files.items()})
        for asset in release["assets"]:
            asset["uuid"] = f"{app}-{asset['uuid']}{mark}"
        self.server.on(LATEST[app], json_answer(release))
        for name, data in files.items():
            self.server.on(f"/{app}/dl/{tag}/{name}", serve(data))
        return release


def install(made: Asked) -> Asked:
    for app in APPS:
        made.world.recipe(app)
        made.publish("v1", app=app)
    assert made.run().code == 0
    assert until(lambda: recalled(made.run()))
    return made


@pytest.fixture
def asked(world: World, faults: FaultServer) -> Asked:
    return install(Asked(world, faults))


def test_nothing_to_do_is_one_request_an_app(asked: Asked) -> None:
    done, paths = asked.requests()
    assert (recalled(done), paths) == (True, sorted(LATEST.values()))
    again, paths = asked.requests("install", "@installed", "--mode", "download")
    assert (recalled(again), paths) == (False, sorted(LATEST.values())), "the checksum files are known by their ids"
    assert done.out == again.out == "nothing to do: 2 apps as asked, intact\n"


def test_what_does_not_decide_may_change(asked: Asked) -> None:
    release = asked.publish("v1") | {"body": "words", "author": {"last_login": "now"}}
    for asset in release["assets"]:
        asset["download_count"] = 7
    asked.server.on(LATEST["db"], json_answer(release))
    done, paths = asked.requests()
    assert (recalled(done), len(paths)) == (True, 2)


def newest(asked: Asked) -> None:
    asked.publish("v2")


def replaced_asset(asked: Asked) -> None:
    asked.publish("v1", version="v1b", mark="-b")


def replaced_checksums(asked: Asked) -> None:
    release = asked.publish("v1", digests="v1b", mark="-b")
    release["assets"] = [item | {"uuid": item["uuid"].removesuffix("-b")} for item in release["assets"]]
    release["assets"][-1]["uuid"] += "-b"
    assert release["assets"][-1]["name"] == "SHA256SUMS"
    asked.server.on(LATEST["db"], json_answer(release))


def same_checksums(asked: Asked) -> None:
    asked.publish("v1", mark="-b")


def without_asset(asked: Asked) -> None:
    release = asked.publish("v1")
    asked.server.on(LATEST["db"], json_answer(release | {"assets": release["assets"][1:]}))


def says(*behaviours: Behaviour) -> Callable[[Asked], None]:
    return lambda asked: asked.server.on(LATEST["db"], *behaviours)


CHANGES: dict[str, tuple[Callable[[Asked], None], int, str]] = {
    "a newer release": (newest, 0, "db v1 -> v2 (download)"),
    "an asset that was replaced": (replaced_asset, 0, "db v1 (download)"),
    "a checksum file that was replaced": (replaced_checksums, 1, "has the sha256"),
    "a checksum file that was uploaded again": (same_checksums, 0, "nothing to do"),
    "a release that lost its program": (without_asset, 1, "has no asset"),
    "no release": (says(answer(404)), 1, "shows no repository o/db"),
    "a login": (says(answer(401, b"{}")), 1, "(401)"),
    "a page": (says(answer(200, b"<html>")), 1, "not JSON"),
    "a list": (says(json_answer([])), 1, "unexpected format"),
    "no HTTP": (says(raw(b"SSH-2.0-OpenSSH_9\r\n")), 1, "does not speak HTTP"),
    "a redirect to itself": (says(redirect(LATEST["db"])), 1, "in a circle"),
    "a failure": (says(answer(503)), 1, "(503)"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_on_the_server_is_seen(asked: Asked, change: str) -> None:
    """Exit code and sentence are those of an install that has no receipt."""
    arrange, code, words = CHANGES[change]
    arrange(asked)
    done = asked.run()
    assert not recalled(done)
    assert done.code == code, done.err
    assert words in done.out + done.err
    assert "Traceback" not in done.err


def test_damage_is_seen_before_anything_is_asked(asked: Asked) -> None:
    (asked.world.root.path / "bin" / "db").resolve().write_bytes(b"damaged")
    done = asked.run()
    assert (done.code, recalled(done)) == (0, False)
    assert asked.run("verify").code == 0


def test_a_server_that_closes_each_connection(asked: Asked) -> None:
    for app in APPS:
        body = json.dumps(asked.publish("v1", app=app)).encode()
        asked.server.on(LATEST[app], answer(200, body, {"Connection": "close"}))
    done, paths = asked.requests()
    assert (recalled(done), len(paths)) == (True, 2)


def test_an_encrypted_server(world: World, encrypted: FaultServer, certificate: Path) -> None:
    asked = install(Asked(world, encrypted, f"{certificate}.crt"))
    done, paths = asked.requests()
    assert (recalled(done), len(paths)) == (True, 2)
    done, paths = asked.requests(SSL_CERT_FILE="/dev/null")
    assert (recalled(done), done.code, paths) == (False, 4, []), "a certificate that is not trusted"


def test_the_token_goes_along(asked: Asked) -> None:
    for environ, sent in (({"FORGEJO_TOKEN": TOKEN}, f"token {TOKEN}"), ({}, None)):
        done = asked.run(**environ)
        assert recalled(done)
        assert {seen.headers.get("authorization") for seen in asked.server.seen[-2:]} == {sent}
    done = asked.run(FORGEJO_TOKEN="two words")
    assert (done.code, recalled(done)) == (2, False)
    assert "FORGEJO_TOKEN" in done.err


def test_a_receipt_holds_no_token(asked: Asked) -> None:
    receipt = asked.world.root.state / "receipt"
    receipt.unlink()
    assert until(lambda: asked.run(FORGEJO_TOKEN=TOKEN).code == 0 and receipt.exists())
    assert TOKEN not in receipt.read_text()


def test_behind_a_proxy_and_of_a_mirror_there_is_none(asked: Asked) -> None:
    receipt = asked.world.root.state / "receipt"
    receipt.unlink()
    asked.run(http_proxy="http://127.0.0.1:9")
    assert not receipt.exists()
    for app in APPS:
        asked.world.release(app, "v1")
    for _ in range(2):
        assert asked.world.ok(*INSTALL)
    assert not receipt.exists()
