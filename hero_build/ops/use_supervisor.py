"""`supervisor use NAME`: move the services of a root to another supervisor."""

import os

from msgspec.structs import replace

from hero_build.errors import RuntimeUnreachable, Unsupported
from hero_build.events import WarningRaised
from hero_build.ops import services
from hero_build.ops.services import ServiceOutcomes
from hero_build.services.processes import running_programs
from hero_build.services.records import recorded_services, set_wanted, wanted
from hero_build.services.service_run import ServiceRun
from hero_build.settings import Settings
from hero_build.supervisors.choice import make
from hero_build.supervisors.definitions import store_choice
from hero_build.supervisors.protocol import ROUTER


def use_supervisor(name: str, settings: Settings, run: ServiceRun) -> ServiceOutcomes:
    """Stop what should run, forget all services where they are, define and start them there. `run` is over the
    supervisor that has them; one that does not answer is left as it is, if nothing runs of its services.

    Raises Unsupported for hero_router, RuntimeUnreachable if the other one is not there, or if the one that has them
    does not answer and something of them runs: nothing has changed then.
    """
    if name == ROUTER:
        hint = "Stop them with `hero-build stop`, and start them through hero_router."
        raise Unsupported(f"{ROUTER} defines its services itself", hint)
    target = make(name, settings, environ=os.environ, limits=run.timeouts)
    try:
        target.services()
    except RuntimeUnreachable as error:
        raise RuntimeUnreachable(error.message, f"Start {name}, then use this command again.") from error
    root = run.site.root
    if target.name == run.supervisor.name:
        store_choice(root, name)
        return ServiceOutcomes()
    records = [record for record in recorded_services(root) if wanted(root, record.name) == "running"]
    if _answers(run):
        services.stop_services([*dict.fromkeys(record.app for record in records)], run)
        for record in records:
            set_wanted(root, record.name, "running")  # also if this is interrupted
        for service in run.supervisor.services():
            if run.supervisor.definition(service) is not None:
                run.supervisor.forget(service)
    store_choice(root, name)
    return services.restart_names([record.name for record in records], replace(run, supervisor=target))


def _answers(run: ServiceRun) -> bool:
    """Whether the supervisor that has the services answers. Raises RuntimeUnreachable where it does not, and something
    of them runs: it would run twice.
    """
    name = run.supervisor.name
    try:
        run.supervisor.services()
    except RuntimeUnreachable as error:
        left = sorted(running_programs(run.site.root), key=lambda item: item.pid)
        if left:
            running = ", ".join(f"{item.binary} (process {item.pid})" for item in left)
            pids = " ".join(str(item.pid) for item in left)
            hint = f"Start {name} again, or end what runs (`kill {pids}`); then use this command again."
            raise RuntimeUnreachable(f"{error.message}, and of its services there run: {running}", hint) from error
        sentence = f"{name} does not answer, and keeps its definitions of these services"
        run.site.emit(WarningRaised(sentence, f"Remove them before {name} runs again: it may start the services, too."))
        return False
    return True
