"""Where a server's assets are: their addresses begin with its own (ROOT_URL), which may differ from the given one."""

import re
from urllib.parse import urlsplit

EXTERNAL = "external"
"""The `type` of an asset that is only a link: the server has neither its bytes nor its size."""
_SERVED = r"(?:/[^/]+)*?(/[^/]+/[^/]+/releases/download/.+|/attachments/[0-9A-Za-z-]+)"


def reachable_address(url: str, forge: str, kind: str | None) -> str:
    """The address of an asset of type `kind`, below that of the `forge` where the server itself serves the file.

    So the token goes along, which is for the forge's origin only. Any other address is returned as it is.
    """
    if kind == EXTERNAL or url.startswith(f"{forge}/"):
        return url
    try:
        path = urlsplit(url).path
    except ValueError:
        return url
    served = re.fullmatch(_SERVED, path)
    return f"{forge}{served[1]}" if served else url
