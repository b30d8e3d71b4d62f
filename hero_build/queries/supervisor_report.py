"""`supervisor current`: what runs the services of a root, and why."""

import os

from msgspec import Struct

from hero_build.settings import Settings
from hero_build.supervisors.choice import choose
from hero_build.supervisors.protocol import timeouts


class SupervisorReport(Struct, frozen=True):
    """`why` is the end of a sentence; `stored`: services of the root are defined in it, so that it stays."""

    supervisor: str
    why: str
    stored: bool


def supervisor_report(settings: Settings) -> SupervisorReport:
    """Raises UsageError when another one than that which has the services is named."""
    item = choose(settings, os.environ, timeouts(settings))
    return SupervisorReport(item.supervisor.name, item.why, item.stored)
