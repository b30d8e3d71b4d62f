"""The environment of a service: the root, its sockets, PATH, the environment files, then what its recipe adds.

It does not depend on who types `start`: a service that boot or another shell starts gets the same. The files are
`<root>/cfg/env/hero.env` and `<root>/cfg/env/<app>.env`, `KEY=value` lines with quotes as a shell has them
(python-dotenv; `$` stands for itself).
"""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from hero_build.errors import UsageError
from hero_build.events import Emit, WarningRaised
from hero_build.model.services import Service
from hero_build.os_errors import raise_for_machine
from hero_build.services.leftovers import VARIABLE
from hero_build.system.environment import TOKENS
from hero_build.system.home import home
from hero_build.system.regular_file import read_regular

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LARGEST_FILE = 1 << 20  # bytes
_WIDE = stat.S_IRWXG | stat.S_IRWXO


def environment(
    service: Service, *, root: Path, sockets: Path, files: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """All variables of a service, secrets included, sorted by name. `files`: what the environment files set."""
    variables = {
        **_user(),
        "LANG": "C.UTF-8",
        "HERO_ROOT": str(root),
        "HERO_SOCKET_DIR": str(sockets),
        "PATH": f"{root / 'bin'}:{_SYSTEM_PATH}",
        **({"HERO_INSTANCE": service.instance} if service.instance else {}),
        **files,
        **dict(service.env),
        **dict(service.secret_env),
        VARIABLE: service.name,
    }
    return tuple(sorted((name, value) for name, value in variables.items() if name not in TOKENS))


def file_variables(root: Path, app: str, emit: Emit) -> Mapping[str, str]:
    """What `hero.env` and `<app>.env` set; the app's own counts. Warns of files that other users may read.

    Raises UsageError that names the file and the line.
    """
    variables: dict[str, str] = {}
    for name in ("hero", app):
        path = root / "cfg" / "env" / f"{name}.env"
        for variable, value in _read(path, emit):
            if variable in TOKENS:
                hint = "A forge's token never enters a service: remove the line, or use another name."
                emit(WarningRaised(f"{path} sets {variable}, which is left out", hint))
            variables[variable] = value
    return variables


def _read(path: Path, emit: Emit) -> Iterator[tuple[str, str]]:
    try:
        text = read_regular(path, _LARGEST_FILE).decode()
    except (FileNotFoundError, NotADirectoryError):
        return
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text", "Write KEY=value lines in UTF-8.") from error
    except OSError as error:
        raise_for_machine(error, path)
        hint = "Fix its permissions, or move it away."
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint) from error
    if path.stat().st_mode & _WIDE:
        emit(WarningRaised(f"{path} can be read by other users", f"Keep it to yourself: chmod 600 {path}"))
    yield from _parse(text, path)


def _parse(text: str, path: Path) -> Iterator[tuple[str, str]]:
    from io import StringIO

    from dotenv.parser import parse_stream

    for binding in parse_stream(StringIO(text)):
        line = binding.original.line + len(binding.original.string) - len(binding.original.string.lstrip("\n"))
        if binding.error or (binding.key is not None and binding.value is None):
            raise UsageError(
                f"{path}, line {line}: not a KEY=value line",
                "Write KEY=value, or # before a comment; quote a value of several lines.",
            )
        if binding.key is None or binding.value is None:
            continue  # a comment, or an empty line
        if "\0" in binding.key + binding.value or not binding.key.isidentifier() or not binding.key.isascii():
            raise UsageError(
                f"{path}, line {line}: {binding.key!r} cannot be set", "Names are letters, digits and underscores."
            )
        yield binding.key, binding.value


def _user() -> dict[str, str]:
    """HOME, USER, LOGNAME and SHELL, as the user's entry in passwd(5) has them."""
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:  # a user of a container without an entry
        return {"HOME": str(home())}
    folder = entry.pw_dir or str(home())  # not $HOME first: it is that of whichever shell types `start`
    return {"HOME": folder, "USER": entry.pw_name, "LOGNAME": entry.pw_name, "SHELL": entry.pw_shell or "/bin/sh"}
