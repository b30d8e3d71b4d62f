"""Secrets of services: `<root>/cfg/secrets/<app>/<name>`, or systemd's `$CREDENTIALS_DIRECTORY/<app>.<name>`.

They go into the service's environment file of mode 0600 only: not into the manifest, a supervisor's configuration, a
log, an error or the process list.
"""

import stat
from collections.abc import Mapping
from pathlib import Path

from hero_build.errors import MachineError, MissingSecret
from hero_build.model.names import safe_name
from hero_build.os_errors import raise_for_machine
from hero_build.system.regular_file import read_regular

_LARGEST = 1 << 16  # bytes
_WIDE = stat.S_IRWXG | stat.S_IRWXO


def read_secret(root: Path, app: str, name: str, environ: Mapping[str, str]) -> str:
    """The secret's content, without the newline at its end. Raises MissingSecret, MachineError."""
    if not safe_name(name):
        raise MachineError(f"{name!r} cannot be the name of a secret", "Use a plain file name in the recipe.")
    own = root / "cfg" / "secrets" / app / name
    credential = Path(environ["CREDENTIALS_DIRECTORY"], f"{app}.{name}") if "CREDENTIALS_DIRECTORY" in environ else None
    for path in (own, *([credential] if credential else [])):
        try:
            content = read_regular(path, _LARGEST)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise_for_machine(error, path)
            raise MachineError(f"{path} cannot be read: {error.strerror}", "Fix its permissions.") from error
        if path == own and path.stat().st_mode & _WIDE:
            raise MachineError(f"{path} can be read by other users", f"Keep it to yourself: chmod 600 {path}")
        return _text(content, path)
    hint = f"Write it to {own}: mkdir -p -m 700 {own.parent}; (umask 077; cat >{own}); then start it again."
    raise MissingSecret(f"{app} needs the secret {name!r}, and this machine does not have it", hint)


def _text(content: bytes, path: Path) -> str:
    try:
        text = content.decode().removesuffix("\n")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise MachineError(f"{path} cannot be a variable's value", "It must be UTF-8 text without NUL bytes.") from None
    return text
