"""What is asked of an install, as values: the command line's options, without click."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from hero_build.cli.session import Session
from hero_build.errors import UsageError
from hero_build.model.installed import Backend, Mode, Phase
from hero_build.system import packed

if TYPE_CHECKING:
    from hero_build.model.steps import Request
    from hero_build.ops.open_lock import OpenedLock


class InstallOptions(Struct, frozen=True):
    """The values of the options."""

    mode: Mode = "auto"
    version: str | None = None
    ref: str | None = None
    update: bool = False
    reset: bool = False
    checksum: Literal["required", "if-present"] = "if-present"
    locked: Path | None = None
    backend: Backend = "direct"
    no_opt: bool = False
    at: str | None = None
    digest: str | None = None
    trust: str | None = None
    exact: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for options that contradict each other, and for values that a script left empty."""
        if "" in (self.version, self.ref):
            raise UsageError("--version or --ref is empty", "Leave it out to get the newest.")
        if self.ref and self.version:
            raise UsageError("--ref and --version exclude each other", "--version names a release, --ref a commit.")
        if self.ref and self.mode == "download":
            raise UsageError("--ref means a build, and --mode download forbids one", "Use --version TAG.")
        if self.no_opt and self.mode == "download":
            raise UsageError("--no-opt means a build, and --mode download forbids one", "Leave out either.")
        if self.locked and (self.ref or self.mode == "source" or self.no_opt):
            sentence = "--locked installs releases, and --ref, --mode source and --no-opt build"
            raise UsageError(sentence, "Leave out --locked.")
        of_lock = {"--at": self.at, "--digest": self.digest, "--trust": self.trust, "--exact": self.exact or None}
        if self.locked is None and (names := [name for name, value in of_lock.items() if value is not None]):
            raise UsageError(f"{names[0]} goes with --locked", "Add --locked FILE, a file that `lock` wrote.")

    @property
    def _mode(self) -> Mode:
        """Releases are optimised; what a lock file does not hold is never built."""
        if self.no_opt:
            return "source"
        return "download" if self.locked else self.mode

    def request(self, app: str, phase: Phase = "install", names: Sequence[str] = ()) -> "Request":
        """The request for one app; `names`: of islands, none for all of them."""
        from hero_build.model.steps import Request

        return Request(
            app,
            mode=self._mode,
            version=self.version,
            ref=self.ref,
            reset=self.reset,
            checksum=self.checksum,
            update=self.update,
            phase=phase,
            names=tuple(dict.fromkeys(names)),
            backend=self.backend,
            optimise=not self.no_opt,
        )

    def requests(
        self, apps: Sequence[str], versions: Mapping[str, str | None], lock: "OpenedLock | None"
    ) -> "list[Request]":
        """The requests for apps, some in a version of their own: for the programs, or for all that a lock file pins."""
        return [
            replace(self.request(app, phase), version=versions.get(app, self.version))
            for app in apps
            for phase in (lock.phases(app) if lock else ("install",))
        ]

    def for_pack(self, session: Session) -> "InstallOptions":
        """In a pack, its own lock file and contents, unless something else is asked for."""
        own = (self.locked, self.version, self.ref, self.no_opt, self.update, self.mode != "auto")
        if (lock := packed.lock()) is None or any(own) or session.settings.source("forge") == "flag":
            return self
        return replace(self, locked=Path(lock), at=self.at or packed.existing_file())

    def open_lock(self, session: Session) -> "OpenedLock | None":
        """The lock file, checked and opened; None without one. Raises UsageError, VerificationError, MissingTool."""
        if self.locked is None:
            return None
        from hero_build.ops.open_lock import LockOptions, open_lock

        options = LockOptions(self.locked, at=self.at, digest=self.digest, trust=self.trust)
        return open_lock(options, session.settings, session.console.report)
