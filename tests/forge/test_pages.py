"""Lists in pages: a short page is not the last one, whatever the server says of the rest."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from hero_build.errors import ReleaseNotFound
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.pages import Page, all_items, to_page
from hero_build.forge.protocol import Ref
from hero_build.model.artifacts import GenericPackage
from support.fault_server import Behaviour, Connection, FaultServer, SeenRequest, answer, json_answer

LIST = "/api/v1/repos/o/r/releases"


def pages(*items: object, cap: int, says: str) -> Behaviour:
    """The list of `items` from a server that sends `cap` at once, and says so in the headers that `says` names."""

    def behave(connection: Connection, request: SeenRequest) -> None:
        query = parse_qs(urlsplit(request.path).query)
        start = (int(query["page"][0]) - 1) * cap
        headers = {}
        if "link" in says:
            last = start + cap >= len(items)
            headers["Link"] = (
                '<http://h/?page=1>; rel="first"' if last else '<http://h/?page=2>; rel="next",<x>; rel="last"'
            )
        if "total" in says:
            headers["X-Total-Count"] = str(len(items))
        answer(200, json.dumps(items[start : start + cap]).encode(), headers)(connection, request)

    return behave


@pytest.mark.parametrize(("says", "requests"), [("link", 3), ("total", 3), ("link and total", 3), ("nothing", 4)])
def test_tags_beyond_a_short_page(forge: Forgejo, faults: FaultServer, says: str, requests: int) -> None:
    faults.on("/api/v1/repos/o/r", json_answer({}))
    faults.on(LIST, pages(*({"tag_name": f"v{number}.77"} for number in range(25)), cap=10, says=says))
    with pytest.raises(ReleaseNotFound) as caught:
        forge.find(Ref("o/r", "v24.78"))
    assert "v24.77" in caught.value.hint
    assert len([path for path in faults.paths() if "page=" in path]) == requests


def test_versions_of_a_package_beyond_a_short_page(forge: Forgejo, faults: FaultServer) -> None:
    items = ({"name": "tool" if number == 24 else "tool-more", "version": f"v{number}.77"} for number in range(25))
    faults.on("/api/v1/packages/o", pages(*items, cap=10, says="nothing"))
    with pytest.raises(ReleaseNotFound) as caught:
        forge.find(Ref("o/tool", package=GenericPackage("o", "tool", "v24.78")))
    assert caught.value.hint == "Did you mean v24.77?"


def test_a_server_that_knows_no_pages_is_asked_twice(forge: Forgejo, faults: FaultServer) -> None:
    faults.on("/api/v1/repos/o/r", json_answer({}))
    faults.on(LIST, json_answer([{"tag_name": "v1"}]))
    with pytest.raises(ReleaseNotFound):
        forge.find(Ref("o/r", "v2"))
    assert len([path for path in faults.paths() if "page=" in path]) == 2


def numbers(page: int) -> Page[int]:
    return Page((page, -page))


def test_a_list_without_end_is_cut_off() -> None:
    assert list(all_items(numbers, 5)) == [1, -1, 2, -2, 3]


@pytest.mark.parametrize(
    ("headers", "following", "total"),
    [
        ({}, None, None),
        ({"Link": '<https://h/?page=2>; rel="next"'}, True, None),
        ({"Link": "<https://h/?page=2>;rel=next"}, True, None),
        ({"Link": '<https://h/?page=2>; REL="Next"'}, True, None),
        ({"Link": '<https://h/?page=2>; rel = "last next"'}, True, None),
        ({"Link": '<https://h/?page=2>; title="x"; rel="next last"'}, True, None),
        ({"Link": '<https://h/?page=1>; rel="nextcloud"'}, False, None),
        ({"Link": '<https://h/?page=1>; rel="prev"'}, False, None),
        ({"X-Total-Count": "7"}, None, 7),
        ({"X-Total-Count": "many", "Link": ""}, False, None),
        ({"X-Total-Count": "9" * 400}, None, None),
    ],
)
def test_what_the_headers_of_a_page_say(headers: dict[str, str], following: bool | None, total: int | None) -> None:
    assert to_page((1,), {name.lower(): value for name, value in headers.items()}) == Page(
        (1,), following=following, total=total
    )


def test_an_empty_page_ends_a_list_whose_total_counts_what_is_hidden() -> None:
    pages = {1: Page((1, 2), total=9), 2: Page((3,), total=9), 3: Page[int]((), total=9)}
    assert list(all_items(pages.__getitem__, 100)) == [1, 2, 3]
