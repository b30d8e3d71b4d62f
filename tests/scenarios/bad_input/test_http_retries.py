"""Transient failures, resumed downloads, and where tokens go."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.elf_files import program, static_bytes
from support.fault_server import (
    Behaviour,
    FaultServer,
    Flood,
    answer,
    cut_at,
    document,
    json_answer,
    redirect,
    reset_after,
    serve,
    stall_after,
    truncated,
)
from support.limits import TOKEN
from support.mirrors import asset
from support.refusals import (
    INSTALL,
    SETTINGS,
    STALLS,
    STARTS,
    Refusal,
    Row,
    Stage,
    Start,
    check_consistent,
    check_no_leak,
    check_refusal,
    check_row,
    partial_files,
    prepare_root,
    program_output,
)
from support.worlds import Done, World

LATEST = "/api/v1/repos/o/db/releases/latest"
ADMIN = asset("db_admin")
FILE = f"/dl/v2/{ADMIN}"
RIGHT = static_bytes(program("db_admin", "v2"), 300_000)
HOST = "127.0.0.1"
ROOT_URL = "Ask the operator of that forge to check its public address (ROOT_URL)."
ADDRESS = "Check the address with --forge or FORGEJO_URL; does it open in a browser?"
MOST = 64 << 10  # kB of memory: what one may use of 100 MB
METER = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


@dataclass(frozen=True, slots=True)
class Passing:
    """A path that fails and then works; the message of each attempt; and whether the download must resume."""

    name: str
    path: str
    failures: tuple[Behaviour, ...]
    message: str
    resumed: bool = False
    settings: str = SETTINGS


PASSING = (
    Passing(
        "500-twice-of-the-api",
        path=LATEST,
        failures=(answer(500), answer(502)),
        message=f"{HOST} failed (502); trying again in",
    ),
    Passing(
        "500-twice-of-the-asset",
        path=FILE,
        failures=(answer(500), answer(502)),
        message=f"{HOST} failed (502); trying again in",
    ),
    Passing(
        "429-without-Retry-After",
        path=LATEST,
        failures=(answer(429, b"later"),),
        message=f"{HOST} receives too many requests (429): later; trying again in",
    ),
    Passing(
        "429-with-Retry-After",
        path=FILE,
        failures=(answer(429, b"later", {"Retry-After": "1"}),),
        message=f"{HOST} receives too many requests (429): later; trying again in 1.0 s",
    ),
    Passing(
        "reset-mid-body",
        path=FILE,
        failures=(reset_after(RIGHT, 100_000),),
        message=f"the response of {HOST} broke off: Connection reset by peer; trying again in",
        resumed=True,
    ),
    Passing(
        "truncated",
        path=FILE,
        failures=(truncated(RIGHT, 100_000),),
        message=f"the response of {HOST} broke off: the connection ended before the body did; trying again in",
        resumed=True,
    ),
    Passing(
        "stall-mid-body",
        path=FILE,
        failures=(stall_after(RIGHT, 100_000),),
        message=f"the response of {HOST} broke off: no data for 2 s; trying again in",
        resumed=True,
        settings=STALLS,
    ),
)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("row", PASSING, ids=lambda row: row.name)
def test_passes(row: Passing, start: Start, stage: Stage) -> None:
    prepare_root(stage.world, start, row.settings)
    files = stage.publish(db_admin=RIGHT)
    fine = serve(RIGHT) if row.path == FILE else json_answer(release(stage.forge, files))
    stage.forge.on(row.path, *row.failures, fine)
    done = installed(stage)
    assert row.message in done.err
    ranges = [request.headers.get("range", "") for request in stage.forge.seen if request.path == row.path]
    assert len(ranges) == len(row.failures) + 1
    assert bool(re.fullmatch(r"bytes=[1-9]\d*-", ranges[-1])) == row.resumed


@pytest.mark.parametrize("start", STARTS)
def test_the_next_run_goes_on_where_a_download_broke_off_for_good(start: Start, stage: Stage) -> None:
    def broken(stage: Stage) -> None:
        stage.publish(db_admin=RIGHT)
        stage.forge.on(FILE, cut_at(RIGHT, 100_000, "close"))

    message = f"{ADMIN} broke off after 100000 of 300000 bytes"
    hint = "Run it again; if it still fails, ask the publisher of the release to upload it again."
    check_row(stage, Row("", broken, Refusal(5, kind="SizeMismatch", message=message, hint=hint)), start)
    stage.forge.on(FILE, serve(RIGHT))
    installed(stage)
    assert stage.forge.seen[-1].headers["range"] == "bytes=100000-"


@pytest.mark.parametrize("path", [LATEST, FILE], ids=["of-the-api", "of-the-asset"])
def test_redirect_to_another_host_gets_no_token(path: str, stage: Stage) -> None:
    prepare_root(stage.world, "over-v1")
    files = stage.publish(db_admin=RIGHT)
    stage.forge.on(path, redirect(f"{stage.another.url}/elsewhere"))
    stage.another.on("/elsewhere", serve(RIGHT) if path == FILE else json_answer(release(stage.forge, files)))
    installed(stage)
    assert all(request.headers["authorization"] == f"token {TOKEN}" for request in stage.forge.seen)
    assert [request.path for request in stage.another.seen] == ["/elsewhere"]
    assert TOKEN not in repr(stage.another.seen)
    assert "authorization" not in stage.another.seen[0].headers


def test_an_asset_at_another_host_gets_no_token(stage: Stage) -> None:
    prepare_root(stage.world, "over-v1")
    files = stage.publish(db_admin=RIGHT)
    stage.forge.on(LATEST, json_answer(release(stage.another, files)))
    for name, content in files.items():
        stage.another.on(f"/dl/v2/{name}", serve(content))
    installed(stage)
    assert len(stage.another.seen) == len(files)
    assert TOKEN not in repr(stage.another.seen)


def to_http(stage: Stage, another: FaultServer) -> None:
    stage.publish(db_admin=RIGHT)
    stage.forge.on(FILE, redirect(f"{another.url}/x"))


def offers_http(stage: Stage, another: FaultServer) -> None:
    stage.forge.on(LATEST, json_answer(release(another, stage.publish())))


DOWNGRADES = {
    "redirect-to-http": (
        to_http,
        Refusal(
            4,
            kind="BadForgeResponse",
            message=f"{HOST} redirects from https to plain http ({HOST}), which is not followed",
            hint=ROOT_URL,
        ),
    ),
    "asset-at-http": (
        offers_http,
        Refusal(
            4,
            kind="BadForgeResponse",
            message=f"https://{HOST}:… offers db-linux-…-musl over plain http",
            hint="Ask the operator of that forge to check its public address (ROOT_URL) and its proxy.",
        ),
    ),
}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", DOWNGRADES)
def test_https_is_not_left(
    name: str, start: Start, world: World, encrypted: FaultServer, another: FaultServer, certificate: Path
) -> None:
    arrange, refusal = DOWNGRADES[name]
    row = Row(name, lambda stage: arrange(stage, another), refusal, environ={"SSL_CERT_FILE": f"{certificate}.crt"})
    check_row(Stage(world, encrypted, another), row, start)
    assert not another.seen


def test_api_answer_of_100_MB_is_not_read_into_memory(stage: Stage, tmp_path: Path) -> None:
    prepare_root(stage.world, "over-v1")
    flood = Flood()
    stage.publish()
    stage.forge.on(LATEST, flood)
    metered = ("-c", METER, str(tmp_path / "peak"), sys.executable)
    done = stage.world.run(*INSTALL, env=stage.environ, python=metered)
    check_refusal(
        done,
        Refusal(4, kind="BadForgeResponse", message=f"{HOST} answered {LATEST} with more than 8 MiB", hint=ADDRESS),
    )
    assert program_output(stage.world.root) == "db v1\n"
    assert int((tmp_path / "peak").read_text()) < MOST
    assert flood.sent < 64 << 20, "it was not even received"


def installed(stage: Stage) -> Done:
    """The install, which must succeed."""
    done = stage.world.run(*INSTALL, env=stage.environ)
    assert done.code == 0, done.err
    check_no_leak(done)
    assert program_output(stage.world.root) == "db v2\n"
    assert (stage.world.root.path / "bin" / "db_admin").read_bytes() == RIGHT
    check_consistent(stage.world.root)
    assert not partial_files(stage.world.root)
    return done


def release(server: FaultServer, files: Mapping[str, bytes]) -> dict[str, Any]:
    return document(server.url, "v2", {name: len(content) for name, content in files.items()})
