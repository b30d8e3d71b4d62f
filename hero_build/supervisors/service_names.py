"""Names of services as the supervisors take them."""

import re

from hero_build.errors import UnsafeName

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_.-]+)?")


def file_name(name: str) -> str:
    """`name` as a file name and as a name in supervisord, where `:` is not allowed: `app_server@alpha` for
    `app_server:alpha`. Raises UnsafeName.
    """
    if not _NAME.fullmatch(name):
        hint = "Letters, digits, `_`, `-`, `.`, and one `:` before an instance."
        raise UnsafeName(f"{name!r} cannot be the name of a service", hint)
    return name.replace(":", "@")


def service_name(file_name: str) -> str:
    """The service of a file name."""
    return file_name.replace("@", ":")
