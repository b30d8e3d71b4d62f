"""What a status other than success means for a request that would change something, in words."""

from hero_build.errors import AuthError, ForgeAnswer, HeroBuildError
from hero_build.forge import refusals
from hero_build.forge.slim import httpx

SET_ONE = (
    "Set FORGEJO_TOKEN to a token with write access to the repository (write:repository; write:package for packages); "
    "in a workflow: `FORGEJO_TOKEN: ${{ github.token }}`."
)
_WRITE = (
    "The token in FORGEJO_TOKEN needs write access there (write:repository; write:package for packages). "
    "A workflow's own token may write to its own repository only, and with `permissions: contents: write`."
)
_LARGE = "Ask whoever runs that forge to allow larger files (attachment MAX_SIZE, and the proxy before it)."
_LATER = "Run it again: what is there and right is kept, and nothing but a draft is visible."


class Taken(ForgeAnswer):
    """409: there is one of that name already."""


class TooLarge(ForgeAnswer):
    """413."""


def refused(status: int, headers: httpx.Headers, url: httpx.URL, body: bytes) -> HeroBuildError:
    """The error for the status of a request that would have changed something."""
    said = refusals.quoted(body)
    match status:
        case 401 | 403:
            return AuthError(f"{url.host} does not let this token publish ({status}){said}", _WRITE)
        case 404:
            return refusals.Absent(f"{url.host} has no {url.path}, or not for this token (404){said}", _WRITE)
        case 409:
            return Taken(f"{url.host} has one of that name already (409){said}", _LATER)
        case 413:
            return TooLarge(f"{url.host} does not take a file of that size (413){said}", _LARGE)
        case 400 | 422:
            return ForgeAnswer(f"{url.host} refuses what it was sent ({status}){said}", _LATER)
        case _:
            found = refusals.refusal(status, headers, url, body, "")
            found.hint = _LATER if status >= 500 or status == 429 else found.hint
            return found
