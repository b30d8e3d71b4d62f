"""Install an app over a service that a supervisor runs and no installed app owns.

install ─► stop the service ─► start the app's ─► all healthy? ─► forget the service where hero-build defined it
                                                      └─ no ─► remove the app's, undo the install, start the service
"""

from collections.abc import Collection, Iterable, Mapping
from copy import copy

from msgspec import Struct
from msgspec.structs import replace

from hero_build import manifest
from hero_build.context import Context
from hero_build.errors import HeroBuildError, NotFound, NotHealthy, Unsupported, UsageError
from hero_build.events import WarningRaised
from hero_build.install.history import revert
from hero_build.model.services import Definition
from hero_build.ops.install import Outcome, Plan, apply
from hero_build.ops.services import ServiceOutcomes, restart_names, start_services
from hero_build.services.definitions import app_services
from hero_build.services.open_run import open_run
from hero_build.services.reclaim import wait_for
from hero_build.services.records import forget_record, locked_service, recorded_services, wanted
from hero_build.services.service_run import ServiceFailed, ServiceOutcome, ServiceRun
from hero_build.supervisors import exec_file
from hero_build.supervisors.protocol import Supervisor


class AdoptRequest(Struct, frozen=True):
    """The app, and the service of a supervisor in whose place it is to run."""

    app: str
    service: str
    supervisor: str


class Adoption(Struct, frozen=True):
    """The install and the start; where one of them failed, everything is as before."""

    outcome: Outcome
    services: ServiceOutcomes = ServiceOutcomes()


class ServiceBefore(Struct, frozen=True):
    """A service as it was; `definition` is None where hero-build did not define it, and so cannot define it again."""

    name: str
    owner: Supervisor
    running: bool
    definition: Definition | None
    variables: Mapping[str, str]


class Undo(Struct, frozen=True):
    """What an undo needs: the services that were stopped, and the names of those that the root had."""

    request: AdoptRequest
    outcome: Outcome
    replaced: tuple[ServiceBefore, ...]
    recorded: frozenset[str]


def adopt_service(request: AdoptRequest, todo: Plan, context: Context) -> Adoption:
    """Do what was planned for the app, and start it in place of the service.

    Raises NotFound where the supervisor has no such service, UsageError where an installed app owns it, Unsupported
    where it could not be restored; and as `apply` and `start_services`. Then everything is as before.
    """
    run = open_run(context.settings, context.catalog, context.emit)
    owner = _owner(request, run)
    before = _before(request.service, owner)
    recorded = {item.name for item in recorded_services(context.root)}
    outcome = apply(todo, context, f"install {request.app} in place of {request.service}")
    if outcome.failed:
        return Adoption(outcome)
    run = replace(run, site=replace(run.site, generation=outcome.after))
    replaced = (before, *_of_the_same_names(request, run, recorded))
    undo = Undo(request, outcome, replaced=replaced, recorded=frozenset(recorded))
    try:
        _require_restorable(replaced, request, run)
        for item in replaced:
            _stop(item, run)
        started = start_services([request.app], run)
    except BaseException:
        _undo(undo, run)
        raise
    if started.failed:
        _undo(undo, run)
        return Adoption(outcome, ServiceOutcomes(tuple(_with_hint(item, request) for item in started.outcomes)))
    for item in replaced:
        _let_go(item, run)
    return Adoption(outcome, started)


def _owner(request: AdoptRequest, run: ServiceRun) -> Supervisor:
    if any(record.name == request.service for record in recorded_services(run.site.root)):
        raise UsageError(f"{request.service} belongs to an installed app", "`hero-build status` shows which one.")
    owner = next((item for item in (run.supervisor, *run.others) if item.name == request.supervisor), None)
    if owner is None or request.service not in owner.services():
        hint = "`hero-build doctor` shows the supervisors that answer; it may have been removed."
        raise NotFound(f"{request.supervisor} has no service {request.service}", hint)
    return owner


def _before(name: str, owner: Supervisor) -> ServiceBefore:
    definition = owner.definition(name)
    variables = exec_file.read_environment(definition.env_file) if definition and definition.env_file else {}
    return ServiceBefore(name, owner, running=owner.status(name).is_running, definition=definition, variables=variables)


def _of_the_same_names(request: AdoptRequest, run: ServiceRun, recorded: Collection[str]) -> list[ServiceBefore]:
    """Further services of the root's own supervisor that a start of the app replaces."""
    names = _service_names(request.app, run).difference(recorded, {request.service})
    return [_before(name, run.supervisor) for name in run.supervisor.services() if name in names]


def _require_restorable(replaced: Iterable[ServiceBefore], request: AdoptRequest, run: ServiceRun) -> None:
    """What another program defined under a name that the app needs would be lost."""
    names = _service_names(request.app, run)
    for item in replaced:
        if item.definition is None and item.name in names and item.owner.name == run.supervisor.name:
            what = f"{item.name} in {item.owner.name} was not defined by hero-build"
            reason = f"{what}, which could not restore it if {request.app} does not start"
            raise Unsupported(reason, f"Remove it in {item.owner.name}, then install {request.app}.")


def _stop(item: ServiceBefore, run: ServiceRun) -> None:
    if not item.running:
        return
    run.step(item.name, "stop")
    item.owner.stop(item.name)
    if not wait_for(lambda: not item.owner.status(item.name).pid, run.timeouts.change, run.timeouts.poll):
        hint = f"Stop it in {item.owner.name}, then try again."
        raise NotHealthy(f"{item.name} did not stop", hint)


def _let_go(item: ServiceBefore, run: ServiceRun) -> None:
    """What was stopped stays stopped: it is forgotten, or the supervisor may start it again at the next boot."""
    if any(record.name == item.name for record in recorded_services(run.site.root)):
        return  # the app's own service has its name
    if item.definition is not None and item.owner.name == run.supervisor.name:
        item.owner.forget(item.name)
        return
    sentence = f"{item.owner.name} still has {item.name}, which is stopped there"
    run.site.emit(WarningRaised(sentence, f"Remove it in {item.owner.name}, or it may start again at the next boot."))


def _undo(undo: Undo, run: ServiceRun) -> None:
    """Everything as before: the services that were added, the programs, and the services that were stopped."""
    root, app, outcome = run.site.root, undo.request.app, undo.outcome
    try:
        for name in _service_names(app, run) - undo.recorded:
            with locked_service(root, name, run.wait):
                run.supervisor.forget(name)
                forget_record(root, name)
        if outcome.before.number != outcome.after.number:
            revert(root, outcome.before.number, after=outcome.after.number, wait=run.wait)
    finally:
        for item in undo.replaced:
            _start_again(item, run)
    running = [item.name for item in recorded_services(root) if item.app == app]
    if running := [name for name in running if wanted(root, name) == "running"]:
        restart_names(running, replace(run, site=replace(run.site, generation=manifest.load(root.path))))


def _with_hint(item: ServiceOutcome, request: AdoptRequest) -> ServiceOutcome:
    """The app is not installed any more, so that none of its commands helps."""
    if not isinstance(item, ServiceFailed):
        return item
    error = copy(item.error)
    error.hint = f"Nothing stays changed, and {request.service} is as it was. Correct the cause, then adopt it again."
    return replace(item, error=error)


def _service_names(app: str, run: ServiceRun) -> set[str]:
    try:
        defined = {item.name for item in app_services(app, "", run.site, secrets=False).services}
    except HeroBuildError:  # its recipe cannot say
        defined = set()
    return defined | {item.name for item in recorded_services(run.site.root) if item.app == app}


def _start_again(item: ServiceBefore, run: ServiceRun) -> None:
    """As it was defined, if hero-build defined it; else its supervisor has it still."""
    owner, definition = item.owner, item.definition
    try:
        if definition is not None and owner.name == run.supervisor.name:
            if definition.env_file is not None:
                exec_file.write_environment(definition.env_file, item.variables)
            owner.define(definition)
        if item.running:
            owner.start(item.name)
    except HeroBuildError as error:
        run.site.emit(WarningRaised(f"{item.name} could not be started again: {error.message}", error.hint))
