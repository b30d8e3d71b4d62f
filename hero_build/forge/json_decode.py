"""Typed decoding of the JSON documents that come from a forge or a mirror."""

from typing import Annotated, TypeVar

import msgspec

from hero_build.errors import BadForgeResponse
from hero_build.system.decoding import prepared

T = TypeVar("T")
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
"""A SHA-256 digest in lower-case hex."""
INT64_MAX = 2**63 - 1
Size = Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)]
"""Bytes of a file: the largest is that of off_t. JSON itself has no bound."""
Number = Annotated[int, msgspec.Meta(ge=-INT64_MAX, le=INT64_MAX)]
"""A number that identifies something on a server."""


def decode_json(content: bytes, kind: type[T], what: str, hint: str) -> T:
    """`content` as a value of `kind`; unknown fields are ignored.

    Raises BadForgeResponse, which names the document (`what`) and the path of the first field that does not fit.
    """
    try:
        return msgspec.json.decode(content, type=prepared(kind))
    except msgspec.ValidationError as error:
        raise BadForgeResponse(f"{what} has an unexpected format: {error}", hint) from error
    except (ValueError, RecursionError) as error:
        raise BadForgeResponse(f"{what} is not valid JSON: {error}", hint) from error
