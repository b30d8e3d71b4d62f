"""The flags that say what a person wants: the same for `install` and `explain`, and most of them for the phases."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import click
from msgspec import Struct

from hero_build.cli.session import Session
from hero_build.errors import UsageError
from hero_build.model.installed import Backend, Mode, Phase

if TYPE_CHECKING:
    from hero_build.forge.protocol import Forge
    from hero_build.model.steps import Request

F = TypeVar("F", bound=Callable[..., int])
_FLAGS = (
    click.option(
        "--mode",
        type=click.Choice(["auto", "download", "source"]),
        default="auto",
        show_default=True,
        help="Take a release, build, or whichever is there.",
    ),
    click.option("--version", metavar="TAG", help="This release, and not the newest."),
    click.option("--ref", metavar="REF", help="Build this branch, tag or commit."),
    click.option("--update", is_flag=True, help="Fast-forward the checkout before a build."),
    click.option("--reset", is_flag=True, help="Install again what is installed already."),
    click.option(
        "--checksum",
        type=click.Choice(["required", "if-present"]),
        default="if-present",
        show_default=True,
        help="Whether an asset without a published checksum will do.",
    ),
)
_LOCKED = click.option(
    "--locked", metavar="FILE", type=click.Path(path_type=Path), help="Exactly what a lock file pins."
)
_BACKEND = click.option(
    "--backend",
    type=click.Choice(["direct", "wasm-pack"]),
    default="direct",
    show_default=True,
    help="What makes bundles of a workspace.",
)
_NO_OPT = click.option(
    "--no-opt", is_flag=True, help="Build without wasm-opt, for development: sooner done, larger and slower bundles."
)


class InstallOptions(Struct, frozen=True):
    """The flags as typed."""

    mode: Mode
    version: str | None
    ref: str | None
    update: bool
    reset: bool
    checksum: Literal["required", "if-present"]
    locked: Path | None = None
    backend: Backend = "direct"
    no_opt: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for flags that contradict each other, or that a script left empty."""
        if "" in (self.version, self.ref):
            raise UsageError("--version or --ref is empty", "Leave it out for what is newest.")
        if self.ref and self.version:
            raise UsageError("--ref and --version exclude each other", "--version names a release, --ref a commit.")
        if self.ref and self.mode == "download":
            raise UsageError("--ref means a build, and --mode download forbids one", "Use --version TAG.")
        if self.no_opt and self.mode == "download":
            raise UsageError("--no-opt means a build, and --mode download forbids one", "Leave out either.")
        if self.locked and (self.ref or self.mode == "source"):
            raise UsageError("--locked pins releases, and a build was asked for", "Leave out --locked.")

    def request(self, app: str, phase: Phase = "install", names: Sequence[str] = ()) -> "Request":
        from hero_build.model.steps import Request

        mode = "source" if self.no_opt else self.mode  # releases are optimised
        how = (mode, self.version, self.ref, self.reset, self.checksum, self.update)
        return Request(app, *how, phase, tuple(dict.fromkeys(names)), self.backend, not self.no_opt)

    def forge(self, session: Session) -> "tuple[Forge | None, Sequence[str]]":
        """The forge of the lock file and what it pins; without one, None: that of the settings."""
        if self.locked is None:
            return None, ()
        from hero_build.ops.write_lockfile import open_lock

        return open_lock(self.locked, session.settings, session.console.report)


def flags(work: F) -> F:
    """For programs."""
    return _given(work, (*_FLAGS, _LOCKED))


def phase_flags(work: F) -> F:
    """For bundles."""
    return _given(work, (*_FLAGS, _BACKEND, _NO_OPT))


def _given(work: F, options: Sequence[Callable[[F], F]]) -> F:
    for option in reversed(options):
        work = option(work)
    return work
