"""Why `pip download` failed. Its last line is the same for an index that does not answer and for one that lacks the
version, so the cause comes from its log.
"""

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from hero_build.errors import AssetNotFound, AuthError, HeroBuildError, NetworkError, ToolFailed

_FETCH = re.compile(r"Could not fetch URL (\S+): (.*?)(?: - skipping)?$")
_UNMATCHED = re.compile(r"Could not find a version that satisfies the requirement (\S+).*\(from versions: (.*)\)")
_STATUS = re.compile(r"^(\d{3}) (?:Client|Server) Error: |too many (\d{3}) error responses")
_CAUSES = (
    re.compile(r"\[Errno -?\d+\] ([^'\")]+)"),
    re.compile(r"(certificate verify failed[^'\"(]*|\[SSL: [A-Z_0-9]+\])"),
    re.compile(r"((?:Read|connect)? ?timed out)", re.IGNORECASE),
)
_CREDENTIALS = re.compile(r"//[^/@]*@")
_PIPS_OWN = re.compile(r"^(?:ERROR|WARNING|CRITICAL): ")
_CONFIGURATION = "`pip config list` shows how pip is configured"


class Unfetched(Struct, frozen=True):
    """A page that pip did not get from an index; `status`: of its answer, if any; `reason`: as pip says it."""

    url: str
    status: int | None
    reason: str


def pip_error(python: str, *, log: Iterable[str], tail: Sequence[str]) -> HeroBuildError:
    """`log`: what pip wrote with `--log`; `tail`: the last lines it printed; `python`: the version it was for."""
    pages: list[Unfetched] = []
    pin = versions = None
    for line in log:
        if match := _FETCH.search(line):
            pages.append(_unfetched(*match.groups()))
        elif match := _UNMATCHED.search(line):
            pin, versions = match.groups()
    start = f"pip cannot download what hero-build needs on Python {python}"
    if pin is None or versions is None:
        return ToolFailed(
            f"{start}: {_last_words(tail)}", f"{_CONFIGURATION}; correct what it names, and run it again."
        )
    if silent := [page for page in pages if page.status is None]:
        return NetworkError(
            f"{start}: {silent[0].url} does not answer ({silent[0].reason})",
            f"Check the network and the address of the index of packages ({_CONFIGURATION}), and run it again.",
        )
    if versions != "none":
        return AssetNotFound(
            f"{start}: the index of packages has no {pin} for it, only {_newest(versions)}",
            f"Name an index that has it in PIP_INDEX_URL, or install a version here that it has ({_CONFIGURATION}).",
        )
    return _refused(start, pages[0]) if pages else _nowhere(start, pin, _last_words(_warnings(tail)))


def _refused(start: str, page: Unfetched) -> HeroBuildError:
    sentence = f"{start}: {page.url} answers {page.status}"
    if page.status in {401, 403, 407}:
        return AuthError(
            sentence, f"Give pip the credentials of this index, in its configuration or ~/.netrc ({_CONFIGURATION})."
        )
    if page.status is not None and page.status >= 500:
        return NetworkError(sentence, "The index of packages has a problem; run it again later.")
    return AssetNotFound(sentence, f"Check the address of the index of packages: {_CONFIGURATION}.")


def _nowhere(start: str, pin: str, warning: str) -> HeroBuildError:
    """No page failed, and none has the package: pip asks no index, or one that it ignores."""
    reason = warning or "no index and no folder that pip is configured for has it"
    hint = f"PIP_NO_INDEX, or no-index in its configuration, keeps pip from asking: {_CONFIGURATION}."
    return ToolFailed(f"{start}: it finds no {pin} ({reason.rstrip('.')})", hint)


def _unfetched(url: str, reason: str) -> Unfetched:
    page = _CREDENTIALS.sub("//", url)
    if match := _STATUS.search(reason):
        return Unfetched(page, int(match[1] or match[2]), reason)
    causes = [match[1] for pattern in _CAUSES if (match := pattern.search(reason))]
    return Unfetched(page, None, causes[0].strip() if causes else _CREDENTIALS.sub("//", reason))


def _newest(versions: str) -> str:
    names = versions.split(", ")
    return ", ".join(names[-3:]) if len(names) <= 3 else f"{', '.join(names[-3:])} and {len(names) - 3} older"


def _warnings(tail: Sequence[str]) -> list[str]:
    return [line for line in tail if line.startswith("WARNING: ")]


def _last_words(tail: Sequence[str]) -> str:
    lines = [line for line in tail if line.startswith("ERROR: ")] or [line for line in tail if line.strip()]
    return _CREDENTIALS.sub("//", _PIPS_OWN.sub("", lines[-1])) if lines else ""
