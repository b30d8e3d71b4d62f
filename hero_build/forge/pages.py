"""Lists that a server sends page by page. It caps the size of a page (Gitea's and Forgejo's MAX_RESPONSE_ITEMS), so a
page with fewer items than were asked for is not the last one.
"""

import re
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from msgspec import Struct

from hero_build.forge.http_types import Headers

T = TypeVar("T")
PAGE_SIZE = 50
"""Items to ask for: the most that a server sends unless it is configured otherwise."""
_NEXT = re.compile(r';\s*rel\s*=\s*(?:next\b|"(?:[^"]*\s)?next[\s"])', re.IGNORECASE)  # one of several relations
_COUNT = re.compile(r"\d{1,9}")


class Page(Struct, Generic[T], frozen=True):
    """A page of a list; `following`: whether another one follows, `total`: the items of all pages. None: not said."""

    items: tuple[T, ...]
    following: bool | None = None
    total: int | None = None


def to_page(items: tuple[T, ...], headers: Headers) -> Page[T]:
    """The page of a response: `Link` is that of RFC 8288, `X-Total-Count` is in the API of Gitea and Forgejo."""
    link, count = headers.get("link"), headers.get("x-total-count", "")
    following = None if link is None else bool(_NEXT.search(link))
    return Page(items, following=following, total=int(count) if _COUNT.fullmatch(count) else None)


def all_items(get: Callable[[int], Page[T]], most: int) -> Iterator[T]:
    """The items of the pages 1, 2, … that `get` returns, `most` of them at most.

    The last page is the one that says so, or whose items complete the total; else the one before an empty page, or
    before a page that repeats it, as of a server that knows no pages.
    """
    seen, number, before = 0, 1, None
    while seen < most:
        page = get(number)
        if not page.items or page.items == before:
            return
        yield from page.items[: most - seen]
        seen += len(page.items)
        if not _has_next(page, seen):
            return
        number, before = number + 1, page.items


def _has_next(page: Page[T], seen: int) -> bool:
    if page.following:
        return True
    return seen < page.total if page.total is not None else page.following is None
