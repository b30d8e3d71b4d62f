"""What a failed upgrade leaves to look at: `<root>/var/hero_build/failed_upgrades/<generation>/`.

The generation itself stays, too: `gc` keeps the newest, and those that are run.
"""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from hero_build.errors import HeroBuildError
from hero_build.install.layout import Root
from hero_build.os_errors import machine_errors
from hero_build.services.records import log_path
from hero_build.services.service_run import ServiceFailed
from hero_build.supervisors.protocol import Supervisor
from hero_build.system.plain_text import clean

_LINES = 200
_KEPT = 5


class FailedService(Struct, frozen=True):
    """`message` has the reason and the last answer to a health check; `log` its last 200 lines."""

    app: str
    service: str
    message: str
    log: tuple[str, ...]


class FailedUpgrade(Struct, frozen=True):
    """report.json: the generations before and after the upgrade, and the services that were not well after it."""

    created: str
    before: int
    after: int
    services: tuple[FailedService, ...]


def save_evidence(
    root: Root, supervisors: Sequence[Supervisor], *, before: int, after: int, failed: Sequence[ServiceFailed]
) -> Path:
    """Save the report and the logs; returns their folder. Raises MachineError."""
    folder = root.state / "failed_upgrades" / str(after)
    with machine_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        services = [
            FailedService(item.app, item.name, message=item.error.message, log=_log(item.name, supervisors))
            for item in failed
        ]
        created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        report = FailedUpgrade(created, before=before, after=after, services=tuple(services))
        (folder / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
        for item in failed:
            source = log_path(root, item.name)
            if source.is_file():
                shutil.copyfile(source, folder / source.name)
    _remove_old(folder.parent)
    return folder


def failed_generations(root: Root) -> frozenset[int]:
    """Generations whose services did not come up, as far as the evidence is kept."""
    try:
        names = os.listdir(root.state / "failed_upgrades")
    except FileNotFoundError:
        return frozenset()
    return frozenset(int(name) for name in names if name.isdecimal())


def _log(name: str, supervisors: Sequence[Supervisor]) -> tuple[str, ...]:
    """From the first that has something of it."""
    for supervisor in supervisors:
        with suppress(HeroBuildError):
            if lines := supervisor.logs(name, _LINES):
                return tuple(clean(line) for line in lines)
    return ()


def _remove_old(parent: Path) -> None:
    numbers = sorted((path for path in parent.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name))
    for path in numbers[:-_KEPT]:
        shutil.rmtree(path, ignore_errors=True)
