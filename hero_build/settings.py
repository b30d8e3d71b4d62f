"""What holds for a whole run: flag beats environment beats `<root>/cfg/hero_build.toml` beats default.

Reading the settings takes FORGEJO_TOKEN out of the environment, so that no child process and no library sees it,
and what git sets for its hooks, so that hero-build may run in one.
"""

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from hero_build.errors import UsageError
from hero_build.system.environment import GIT_LOCAL

Source = Literal["flag", "environment", "config", "default"]
DEFAULT_FORGE = "https://forge.ourworld.tf"
CONNECT, STALL, BACKOFF = 10.0, 30.0, 0.5
"""Seconds: to open a connection; without a single byte; the first wait before a request is sent again."""
RETRIES = 3
"""How often a request is sent again, in a row, after a failure that may pass."""
_MOST = 1_000_000  # seconds are eleven days: more than that is a slip, and what the system takes has an end
_COUNTS = frozenset({"jobs", "retries", "depth"})
_ENVIRONMENT = {
    "root": "HERO_ROOT",
    "coderoot": "CODEROOT",
    "sockets": "HERO_SOCKET_DIR",
    "forge": "FORGEJO_URL",
    "recipes": "HERO_RECIPES",
    "cache": "HERO_BUILD_CACHE",
    "depth": "HERO_CLONE_DEPTH",
}


class Secret:
    """A token: never printed, compared or hashed; `reveal()` is for the one header it goes into."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


class Settings(Struct, frozen=True):
    """One run's settings; `sources` says of each name where its value came from.

    `depth`: how many commits of history a clone brings, 0 for all; CI, which throws its clones away, brings one.
    """

    root: Path
    coderoot: Path
    sockets: Path
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
    token: Secret | None
    sources: tuple[tuple[str, Source], ...]

    def source(self, name: str) -> Source:
        return dict(self.sources).get(name, "default")


def read(flags: Mapping[str, Any], environ: MutableMapping[str, str]) -> Settings:
    """The settings of this run. `flags` holds what was typed (None: not typed). Raises UsageError."""
    token = environ.pop("FORGEJO_TOKEN", "").strip()
    for name in GIT_LOCAL:
        environ.pop(name, None)
    seen: dict[str, Source] = {"token": "environment" if token else "default"}
    root = _path(_pick("root", flags=flags, environ=environ, config={}, default="~/hero", seen=seen))
    config = _config(root / "cfg" / "hero_build.toml")

    def pick(name: str, default: Any) -> Any:
        return _pick(name, flags=flags, environ=environ, config=config, default=default, seen=seen)

    return Settings(
        root=root,
        coderoot=_path(pick("coderoot", str(root / "code0"))),
        sockets=_path(pick("sockets", str(root / "var" / "sockets"))),
        forge=_forge(str(pick("forge", DEFAULT_FORGE))),
        recipes=tuple(_path(part) for part in _folders(pick("recipes", ""))),
        cache=_path(pick("cache", None) or _default_cache()),
        jobs=_number("jobs", pick("jobs", 16), 1),
        wait=_number("wait", pick("wait", 10), 0),
        plain_http=tuple(config.get("plain_http", ())),
        connect=_number("connect", pick("connect", CONNECT), 0.01),
        stall=_number("stall", pick("stall", STALL), 0.01),
        retries=_number("retries", pick("retries", RETRIES), 0),
        backoff=_number("backoff", pick("backoff", BACKOFF), 0),
        depth=_number("depth", pick("depth", 1 if environ.get("CI") == "true" else 0), 0),
        token=Secret(token) if token else None,
        sources=tuple(seen.items()),
    )


def _pick(
    name: str,
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    config: Mapping[str, Any],
    default: Any,
    seen: dict[str, Source],
) -> Any:
    layers: tuple[tuple[Source, Any], ...] = (
        ("flag", flags.get(name)),
        ("environment", environ.get(_ENVIRONMENT.get(name, "")) or None),
        ("config", config.get(name)),
    )
    for source, value in layers:
        if value is not None:
            seen[name] = source
            return value
    seen[name] = "default"
    return default


def _config(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):  # a root that is no folder is told of by whoever needs one
        return {}
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", "Mend its permissions, or move it away."
        ) from error
    import tomllib  # only where there is such a file

    try:
        config = tomllib.loads(text.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}", "Mend the line it names, or move the file away.") from error
    known = {*_ENVIRONMENT, "jobs", "wait", "plain_http", "connect", "stall", "retries", "backoff"} - {"root"}
    for key, value in config.items():
        if key not in known:
            raise UsageError(f"{path} has an unknown key {key!r}", f"It may hold: {', '.join(sorted(known))}.")
        fits = isinstance(value, list) if key == "plain_http" else isinstance(value, str | int | float)
        if not fits or isinstance(value, bool):
            raise UsageError(f"{path}: {key} = {value!r} is of the wrong type", "See docs/install.md, 'Settings'.")
    return config


def _path(value: Any) -> Path:
    if "\0" in str(value):
        raise UsageError("a path may not contain a NUL byte", "Name the folder without it.")
    return Path(os.path.abspath(os.path.expanduser(str(value))))


def _folders(value: Any) -> list[str]:
    return [part for part in str(value).split(":") if part]


def _forge(url: str) -> str:
    if not url.startswith(("https://", "http://", "file:///")):
        raise UsageError(f"{url!r} is not a forge", "Use https://HOST or file:///DIR with --forge or FORGEJO_URL.")
    if "@" in url.split("://", 1)[1].split("/", 1)[0]:
        raise UsageError("a forge's address may not carry credentials", "Put the token into FORGEJO_TOKEN.")
    return url.rstrip("/")


def _number(name: str, value: Any, least: float) -> Any:
    try:
        number = (int if name in _COUNTS else float)(value)
    except (TypeError, ValueError, OverflowError):
        number = -1
    if not least <= number <= _MOST:  # so that nan is refused, too
        raise UsageError(f"{name} is {value!r}", f"It takes a number from {least} to {_MOST}.")
    return number


def _default_cache() -> Path:
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "cache" / "CACHEDIR.TAG").is_file():
        return checkout / "cache"
    import platformdirs  # only outside a checkout

    return Path(platformdirs.user_cache_dir("hero-build"))
