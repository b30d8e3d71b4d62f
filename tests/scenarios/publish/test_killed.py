"""Publishing that is cut off at each of its requests: only a draft is left, and the next run completes it."""

import random
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build.errors import HeroBuildError
from hero_build.publish.types import ReleaseSpec
from support.forge_server import ForgeServer
from support.limits import PATIENT
from support.server_releases import CuttingProxy, Make, Pack, Publish, When, drafts, seen, whole

FILES = {"a": random.Random(3).randbytes(200_000), "b": b"b" * 50_000}
ONCE = replace(PATIENT, attempts=1)


def cut(server: ForgeServer, make: Make, spec: ReleaseSpec, number: int, when: When) -> bool:
    """Publish until the request of that number; whether it came to that."""
    codes: list[int] = []
    with CuttingProxy(server.url, number, when) as proxy:
        try:
            make(proxy.url, limits=ONCE, jobs=1).publish(spec)
        except HeroBuildError as error:
            codes.append(error.code)
        assert codes == ([4] if proxy.dead else [])  # nothing else fails
        return proxy.dead


@pytest.mark.parametrize("when", ["before", "within", "after"])
def test_cut_off_at_every_request(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack, when: When
) -> None:
    files, complete = pack(**FILES), whole(FILES)
    number, shown = 0, 0
    while True:
        one = spec(*files, tag=f"v{number}", target="main")
        if not cut(forge_server, make=publisher, spec=one, number=number, when=when):
            break
        visible = seen(forge_server, one.repo, one.tag)
        assert visible in (None, complete), f"request {number}"  # all of it from the moment it is shown
        shown += visible is not None
        assert len(drafts(forge_server, one.repo, one.tag)) <= 1
        assert publisher(jobs=1).publish(one).state == "published"
        assert seen(forge_server, one.repo, one.tag) == complete, f"request {number}"
        number += 1
    assert number > 15
    assert shown == (3 if when == "after" else 2)  # the answer to what shows it, and two that read back


def test_replacing_what_is_published_is_cut_off(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack
) -> None:
    """With clobber: the old release, or none, or the new one; never some of both."""
    old, new = {"a": FILES["a"], "b": b"old"}, FILES
    number = 0
    while True:
        one = spec(*pack(**new), tag=f"v{number}", clobber=True)
        publisher().publish(spec(*pack(**old), tag=one.tag))
        if not cut(forge_server, make=publisher, spec=one, number=number, when="after"):
            break
        files = seen(forge_server, one.repo, one.tag)
        assert files in (None, whole(old), whole(new)), f"request {number}"
        publisher(jobs=1).publish(one)
        assert seen(forge_server, one.repo, one.tag) == whole(new), f"request {number}"
        number += 1
    assert number > 15


def test_an_answer_that_is_lost_does_not_make_two(
    forge_server: ForgeServer, publisher: Make, spec: Publish, pack: Pack, tmp_path: Path
) -> None:
    """The same within one run: each kind of request is done twice where its first answer was lost."""
    one = spec(*pack(**FILES), target="main")
    lost: set[str] = set()

    with CuttingProxy(forge_server.url) as proxy:
        forward = proxy._forward

        def forgetful(head: bytes, body: bytes, *, whole: bool) -> bytes:
            answer = forward(head, body, whole=whole)
            line = head.split(b"\r\n")[0].decode().partition("?")[0]
            key = line if not line.startswith("GET") else ""
            if not key or key in lost:
                return answer
            lost.add(key)
            return b""

        proxy._forward = forgetful  # type: ignore[method-assign]
        assert publisher(proxy.url).publish(one).state == "published"
    assert {line.split(" ")[0] for line in lost} >= {"POST", "PATCH"}
    assert seen(forge_server, one.repo, one.tag) == whole(FILES)
