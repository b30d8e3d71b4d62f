"""The settings of a run: flag beats environment beats `<root>/cfg/hero_build.toml` beats default.

Reading them removes FORGEJO_TOKEN from the environment, so that no child process and no library sees it (the command
line erases it from the process's own environment block before), and the variables that git sets for its hooks, so that
hero-build can run in one.
"""

import os
import re
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from hero_build.errors import UsageError
from hero_build.os_errors import machine_error
from hero_build.system import packed
from hero_build.system.decoding import prepared
from hero_build.system.environment import GIT_LOCAL, SEALED, TOKENS
from hero_build.system.home import default_cache, expand
from hero_build.system.regular_file import FileTooLong, read_regular
from hero_build.system.token import SealedSecret
from hero_build.system.token import Secret as Secret

T = TypeVar("T")
Source = Literal["flag", "environment", "config", "default"]
DEFAULT_FORGE = "https://forge.ourworld.tf"
CONNECT, STALL, BACKOFF = 10.0, 30.0, 0.5
"""Seconds: to open a connection; without a single byte; the first wait before a request is sent again."""
RETRIES = 3
"""How often a request is sent again, in a row, after a transient failure."""
SUPERVISORS = ("auto", "systemd", "zinit", "supervisord", "hero_router")
_LARGEST = 1_000_000  # seconds: eleven days; a larger number is a typing error, and the system's calls have limits
_LARGEST_FILE = 1 << 20  # bytes
_COUNTS = frozenset({"jobs", "retries", "depth", "target_limit"})
ENVIRONMENT = {
    "root": "HERO_ROOT",
    "coderoot": "CODEROOT",
    "sockets": "HERO_SOCKET_DIR",
    "supervisor": "HERO_SUPERVISOR",
    "forge": "FORGEJO_URL",
    "recipes": "HERO_RECIPES",
    "cache": "HERO_BUILD_CACHE",
    "depth": "HERO_CLONE_DEPTH",
}


class Settings(Struct, frozen=True):
    """One run's settings; `sources` has the source of each value by its name.

    `wait`, `connect`, `stall` and `backoff` are in seconds. `depth`: how many commits of history a clone fetches, 0 for
    all; in CI, which discards its clones, 1. `trust`: public keys; every lock file must be signed by one of them.
    `target_limit`: GB (10^9 bytes) of cargo's output that `gc` leaves in the folder that checkouts share.
    """

    root: Path
    coderoot: Path
    sockets: Path
    supervisor: str
    forge: str
    recipes: tuple[Path, ...]
    cache: Path
    jobs: int
    wait: float
    plain_http: tuple[str, ...]
    connect: float
    stall: float
    retries: int
    backoff: float
    depth: int
    trust: tuple[str, ...]
    target_limit: int
    token: Secret | None
    sources: tuple[tuple[str, Source], ...]

    def source(self, name: str) -> Source:
        return dict(self.sources).get(name, "default")


Number = int | float | str  # the string of a number, too
Names = tuple[str, ...]


class ConfigFile(Struct, frozen=True, forbid_unknown_fields=True):
    """hero_build.toml of a root (docs/install.md, "Settings")."""

    coderoot: str | None = None
    sockets: str | None = None
    supervisor: str | None = None
    forge: str | None = None
    recipes: str | Names | None = None
    cache: str | None = None
    depth: Number | None = None
    jobs: Number | None = None
    wait: Number | None = None
    connect: Number | None = None
    stall: Number | None = None
    retries: Number | None = None
    backoff: Number | None = None
    target_limit: Number | None = None
    plain_http: Names = ()
    trust: str | Names = ()


_TAKES = {
    "forge": ("an address in quotes", '"https://forge.example"'),
    "supervisor": ("a supervisor in quotes", '"systemd"'),
    "recipes": ("a list of folders", '["recipes", "/srv/recipes"]'),
    "plain_http": ("a list of hosts", '["forge.lan:3000"]'),
    "trust": ("a list of public keys", '["RWQ…"]'),
    **dict.fromkeys(("coderoot", "sockets", "cache"), ("a folder in quotes", '"/srv/folder"')),
    **dict.fromkeys(sorted(_COUNTS), ("a whole number", "8")),
    **dict.fromkeys(("wait", "connect", "stall", "backoff"), ("a number of seconds", "2.5")),
}
"""What a setting of the file takes, and an example."""


def read(flags: Mapping[str, Any], environ: MutableMapping[str, str]) -> Settings:
    """The settings of this run. `flags` holds what was typed (None: not typed). Raises UsageError, MachineError."""
    token = _token(environ)
    for name in GIT_LOCAL:
        environ.pop(name, None)
    sources: dict[str, Source] = {"token": "environment" if token else "default"}
    root = _path(_Layers(flags, environ, config=ConfigFile(), file=Path(), sources=sources).pick("root", "~/hero"))
    file = root / "cfg" / "hero_build.toml"
    config = _config(file)
    layers = _Layers(flags, environ, config=config, file=file, sources=sources)
    pick, valid, number, place = layers.pick, layers.valid, layers.number, layers.place
    return Settings(
        root=root,
        coderoot=place("coderoot", pick("coderoot", str(root / "code0"))),
        sockets=place("sockets", pick("sockets", str(root / "var" / "sockets"))),
        supervisor=valid("supervisor", "auto", _supervisor),
        forge=valid("forge", DEFAULT_FORGE, _forge),
        recipes=(
            *(place("recipes", part) for part in _folders(pick("recipes", ""))),
            *(Path(part) for part in packed.recipes()),
        ),
        cache=place("cache", pick("cache", None) or default_cache(root)),
        jobs=number("jobs", 16, 1),
        wait=number("wait", 10, 0),
        plain_http=config.plain_http,
        connect=number("connect", CONNECT, 0.01),
        stall=number("stall", STALL, 0.01),
        retries=number("retries", RETRIES, 0),
        backoff=number("backoff", BACKOFF, 0),
        depth=number("depth", 1 if environ.get("CI") == "true" else 0, 0),
        trust=(config.trust,) if isinstance(config.trust, str) else config.trust,
        target_limit=number("target_limit", 20, 0),
        token=token,
        sources=tuple(sources.items()),
    )


def _token(environ: MutableMapping[str, str]) -> Secret | None:
    value = environ.pop(TOKENS[0], "").strip()
    if SEALED in environ:
        from hero_build.system.secrets import take_sealed  # only where there is one

        if (descriptor := take_sealed(environ)) is not None:
            return SealedSecret(descriptor)
    return Secret(value) if value else None


class _Layers(Struct, frozen=True):
    """What was typed, the environment and the settings file; `sources` collects which of them each value is from."""

    flags: Mapping[str, Any]
    environ: Mapping[str, str]
    config: ConfigFile
    file: Path
    sources: dict[str, Source]

    def pick(self, name: str, default: Any) -> Any:
        layers: tuple[tuple[Source, Any], ...] = (
            ("flag", self.flags.get(name)),
            ("environment", self.environ.get(ENVIRONMENT.get(name, "")) or None),
            ("config", getattr(self.config, name, None)),
            ("default", default),
        )
        source, value = next((item for item in layers if item[1] is not None), layers[-1])
        self.sources[name] = source
        return value

    def valid(self, name: str, default: Any, check: Callable[[Any], T]) -> T:
        """The value as `check` returns it, whose UsageError then names where it is from."""
        try:
            return check(self.pick(name, default))
        except UsageError as error:
            where = {"flag": f"--{name}", "environment": ENVIRONMENT.get(name), "config": f"{name} in {self.file}"}
            raise UsageError(f"{error.message} ({where[self.sources[name]]})", error.hint) from error

    def number(self, name: str, default: float, least: float) -> Any:
        return self.valid(name, default, lambda value: _number(name, value, least))

    def place(self, name: str, value: Any) -> Path:
        """What the file names is relative to the file, all else to the current folder."""
        return _path(value, self.file.parent if self.sources[name] == "config" else None)


def _config(path: Path) -> ConfigFile:
    try:
        return msgspec.toml.decode(read_regular(path, _LARGEST_FILE), type=prepared(ConfigFile))
    except (FileNotFoundError, NotADirectoryError):  # a root that is not a folder is reported where one is needed
        return ConfigFile()
    except OSError as error:
        if (
            not isinstance(error, PermissionError | IsADirectoryError | FileTooLong)
            and (failure := machine_error(error)) is not None
        ):
            raise failure from error
        hint = "Fix its permissions, or move it away."
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint) from error
    except msgspec.ValidationError as error:
        raise _config_error(path, error) from error
    except ValueError as error:
        raise UsageError(f"{path} is not TOML: {error}", "Fix the line it names, or move the file away.") from error


def _config_error(path: Path, error: msgspec.ValidationError) -> UsageError:
    """msgspec's error in the file's own words: which setting it is, and what it takes."""
    field = re.match(r"Object contains unknown field `(.*)`", str(error))
    name = re.search(r" - at `\$\.(\w+)", str(error))
    if field or not name:
        from hero_build.model.names import nearest  # only for the hint

        near = nearest(field[1], ConfigFile.__struct_fields__, most=1) if field else ()
        mean = f"Did you mean {near[0]}? " if near else ""
        names = ", ".join(sorted(ConfigFile.__struct_fields__))
        what = f"has no setting {field[1]!r}" if field else f"is no settings file: {error}"
        return UsageError(f"{path} {what}", f"{mean}It may hold: {names} (docs/install.md, 'Settings').")
    takes, example = _TAKES[name[1]]
    return UsageError(f"{path}: {name[1]} takes {takes}", f"Write it like this: {name[1]} = {example}")


def _path(value: Any, base: Path | None = None) -> Path:
    if "\0" in str(value):
        raise UsageError("a path may not contain a NUL byte", "Name the folder without it.")
    return Path(os.path.abspath(os.path.join(base or "", expand(str(value)))))


def _folders(value: Any) -> list[str]:
    return list(value) if isinstance(value, tuple) else [part for part in str(value).split(":") if part]


def _forge(url: str) -> str:
    if not url.startswith(("https://", "http://", "file:///")):
        raise UsageError(f"{url!r} is not a forge", "It takes https://HOST or file:///DIR.")
    if "@" in url.split("://", 1)[1].split("/", 1)[0]:
        raise UsageError("a forge's address may not carry credentials", "Put the token into FORGEJO_TOKEN.")
    return url.rstrip("/")


def _supervisor(name: str) -> str:
    if name not in SUPERVISORS:
        raise UsageError(f"{name!r} is not a supervisor", f"It takes one of {', '.join(SUPERVISORS)}.")
    return name


def _number(name: str, value: Any, minimum: float) -> Any:
    try:
        number = (int if name in _COUNTS else float)(value)
    except (TypeError, ValueError, OverflowError):
        number = -1
    if not minimum <= number <= _LARGEST:  # False for nan
        takes = "a whole number" if name in _COUNTS else "a number of seconds"
        raise UsageError(f"{name} is {value!r}", f"It takes {takes} from {minimum} to {_LARGEST}.")
    return number
