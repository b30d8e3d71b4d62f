"""Which draft is used on a server that lets two jobs create one each for a tag (the server of the tests does not)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import cast

import pytest

from hero_build.errors import PublicationRefused
from hero_build.forge.retry import TransientError
from hero_build.model.steps import Asset
from hero_build.publish.api import Api
from hero_build.publish.api_documents import RemoteAsset, RemoteRelease
from hero_build.publish.drafts import open_draft
from hero_build.publish.http import NameConflict
from hero_build.publish.types import ReleaseSpec

ONE = ReleaseSpec("app", "o/r", "v1")


def draft(number: int, *names: str) -> RemoteRelease:
    assets = tuple(RemoteAsset(place, Asset(name, "http://f/x", 1)) for place, name in enumerate(names))
    return RemoteRelease(number, tag="v1", draft=True, prerelease=False, url="", assets=assets)


@dataclass
class Server:
    """The calls that `open_draft` makes, answered from `known`; what others do meanwhile comes before each listing."""

    known: list[RemoteRelease] = field(default_factory=list)
    meanwhile: list[list[RemoteRelease]] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    discarded: list[int] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=lambda: count(10))

    def drafts(self, repo: str, tag: str) -> tuple[RemoteRelease, ...]:
        if self.meanwhile:
            self.known += self.meanwhile.pop(0)
        return tuple(sorted(self.known, key=lambda item: item.number))

    def create(self, repo: str, spec: ReleaseSpec) -> RemoteRelease:
        if self.errors:
            raise self.errors.pop(0)
        self.known.append(draft(next(self.numbers)))
        return self.known[-1]

    def delete_draft(self, repo: str, number: int) -> None:
        self.discarded.append(number)
        self.known = [item for item in self.known if item.number != number]


def taken(server: Server) -> int:
    return open_draft(cast("Api", server), "o/r", ONE).number


def test_one_is_made_where_there_is_none() -> None:
    server = Server()
    assert (taken(server), len(server.known)) == (10, 1)
    assert (taken(server), len(server.known)) == (10, 1)


def test_the_older_of_two_stays() -> None:
    server = Server(meanwhile=[[], [draft(9)]])
    assert taken(server) == 9
    assert server.discarded == [10]


def test_ours_is_the_older() -> None:
    server = Server(meanwhile=[[], [draft(11)]])
    assert taken(server) == 10
    assert server.discarded == []


@pytest.mark.parametrize("error", [NameConflict("409"), TransientError("lost")])
def test_another_was_faster_or_the_answer_was_lost(error: Exception) -> None:
    server = Server(meanwhile=[[], [draft(7)]], errors=[error])
    assert taken(server) == 7


def refusal(server: Server) -> Exception:
    with pytest.raises((PublicationRefused, TransientError)) as caught:
        taken(server)
    return caught.value


def test_two_that_hold_something_are_for_a_person() -> None:
    assert "2 drafts" in str(refusal(Server([draft(1, "a"), draft(2, "b")])))


@pytest.mark.parametrize("errors", [[NameConflict("409")] * 9, [TransientError("500")] * 9])
def test_it_ends(errors: Sequence[Exception]) -> None:
    assert str(errors[0]) in str(refusal(Server(errors=list(errors))))
