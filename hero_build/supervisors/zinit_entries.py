"""Which of zinit's services are ours, and of which definition: zinit 0.3.9 cannot change one, nor remove one safely.

`service.set` of a name that exists blocks zinit for good. `service.delete` gives the number of the service that was
added last to the one that is deleted, while its process still reports to the old number: zinit never sees it end. So a
service stays in zinit under its name as long as what zinit is given does not change (its command and environment are in
files); if that changes, it is added under another name, and the old one stays there, stopped, without a configuration
file.
"""

from pathlib import Path
from shlex import join

import msgspec
from msgspec import Struct

from hero_build.install.layout import Root
from hero_build.model.services import Definition, RestartPolicy
from hero_build.os_errors import machine_errors
from hero_build.supervisors.exec_file import write_file
from hero_build.supervisors.protocol import ZINIT
from hero_build.supervisors.service_names import file_name
from hero_build.system.decoding import decode_json


class ZinitService(Struct, frozen=True):
    exec: str
    oneshot: bool = False
    name: str = ""


class ZinitLifecycle(Struct, frozen=True):
    """Times are milliseconds."""

    restart: RestartPolicy
    restart_delay_ms: int
    restart_delay_max_ms: int
    max_restarts: int
    stability_period_ms: int
    stop_timeout_ms: int
    stop_signal: str


class ZinitConfig(Struct, frozen=True):
    """What `service.set` takes, as of 0.3.9.

    Without `requires`: zinit would stop what depends on it, too, and leave it so. Never `kill_others`: it can end
    unrelated processes.
    """

    service: ZinitService
    lifecycle: ZinitLifecycle


class ZinitEntry(Struct, frozen=True):
    """A service in zinit: `name` there, the service it is for (empty: retired), and what `service.set` was given."""

    name: str
    service: str
    config: ZinitConfig
    file: str | None = None
    """Its configuration file, from which zinit starts it with the machine."""


class ZinitEntries(Struct, frozen=True):
    """Our entries in the zinit of a root, as files. All methods raise MachineError."""

    root: Root

    @property
    def folder(self) -> Path:
        return self.root.state / ZINIT / "entries"

    def all(self) -> tuple[ZinitEntry, ...]:
        with machine_errors(self.folder):
            read = (_read(path) for path in sorted(self.folder.glob("*.json")))
            return tuple(entry for entry in read if entry is not None)

    def of(self, service: str) -> ZinitEntry | None:
        return next((entry for entry in self.all() if entry.service == service), None)

    def write(self, entry: ZinitEntry) -> None:
        path = self.folder / f"{entry.name}.json"
        with machine_errors(path):
            write_file(path, msgspec.json.encode(entry))

    def retire(self, entry: ZinitEntry) -> None:
        """It is not started any more, neither by us nor when zinit starts."""
        self.write(msgspec.structs.replace(entry, service=""))
        if entry.file:
            with machine_errors(Path(entry.file)):
                Path(entry.file).unlink(missing_ok=True)

    def remove(self, entry: ZinitEntry) -> None:
        path = self.folder / f"{entry.name}.json"
        with machine_errors(path):
            path.unlink(missing_ok=True)


def _read(path: Path) -> ZinitEntry | None:
    """None if another hero-build has removed it meanwhile."""
    try:
        return decode_json(path.read_bytes(), kind=ZinitEntry)
    except FileNotFoundError:
        return None


def zinit_name(name: str) -> str:
    """The name in zinit, which has letters, digits, `-`, `_` and `.`: the `:` of an instance becomes `--`."""
    file_name(name)
    return name.replace(":", "--")


def zinit_config(definition: Definition, words: tuple[str, ...]) -> ZinitConfig:
    """Of a service that is started by these words, without its name.

    `exec` is a line for /bin/sh, whose first word must be a program; the service takes the shell's place, so that its
    pid and its exit are its own. zinit counts restarts until a service ran for `stability_period_ms`.
    """
    never = definition.oneshot or definition.restart == "never"
    delay, flap = max(1, round(definition.backoff * 1000)), definition.flap
    lifecycle = ZinitLifecycle(
        restart="never" if never else definition.restart,
        restart_delay_ms=delay,
        restart_delay_max_ms=delay,
        max_restarts=max(1, flap.starts - 1),
        stability_period_ms=round(1000 * flap.seconds / flap.starts),
        stop_timeout_ms=max(1, round(definition.stop_timeout * 1000)),
        stop_signal=f"SIG{definition.stop_signal.removeprefix('SIG')}",
    )
    return ZinitConfig(ZinitService(f"true && exec {join(words)}", definition.oneshot), lifecycle)
