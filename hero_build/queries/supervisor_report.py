"""What runs the services of a root, and why: `supervisor current`, and a check of `doctor`."""

import os

from msgspec import Struct

from hero_build.errors import HeroBuildError
from hero_build.queries.doctor_checks import DoctorCheck
from hero_build.settings import Settings
from hero_build.supervisors.choice import LINGER, choose, ends_with_session
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


def supervisor_check(settings: Settings) -> DoctorCheck:
    """A warning where its services end with the user's session."""
    try:
        item = choose(settings, os.environ, timeouts(settings))
    except HeroBuildError as error:
        return DoctorCheck("services", name="supervisor", state="missing", value=error.message, hint=error.hint)
    value = f"{item.supervisor.name}: {item.why}"
    if ends_with_session(item.supervisor):
        value = f"{value}, until the user's last session ends"
        return DoctorCheck("services", name="supervisor", state="warning", value=value, hint=LINGER)
    return DoctorCheck("services", name="supervisor", state="ok", value=value)
