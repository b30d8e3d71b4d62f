"""Install an app over a service that a supervisor runs and no installed app owns.

install ─► stop the service ─► start the app's ─► all healthy? ─► forget the service where hero-build defined it
                                                      └─ no ─► remove the app's, undo the install, start the service
"""

from collections.abc import Collection
from copy import copy

from msgspec import Struct
from msgspec.structs import replace

from hero_build import manifest
from hero_build.context import Context
from hero_build.errors import HeroBuildError, NotFound, NotHealthy, RuntimeUnreachable, Unsupported, UsageError
from hero_build.events import WarningRaised
from hero_build.install.history import revert
from hero_build.ops.install import Outcome, Plan, apply
from hero_build.ops.services import ServiceOutcomes, restart_names, start_services
from hero_build.services.adoption_journal import AdoptionState, ServiceBefore, end_adoption, write_adoption
from hero_build.services.definitions import app_services
from hero_build.services.open_run import open_run
from hero_build.services.reclaim import wait_for
from hero_build.services.records import forget_record, locked_service, recorded_services, wanted
from hero_build.services.service_run import ServiceFailed, ServiceOutcome, ServiceRun
from hero_build.services.upgrade_journal import upgrade_lock
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


def adopt_service(request: AdoptRequest, todo: Plan, context: Context) -> Adoption:
    """Do what was planned for the app, and start it in place of the service.

    Raises NotFound where the supervisor has no such service, UsageError where an installed app owns it, Unsupported
    where it could not be restored; and as `apply` and `start_services`. Then everything is as before.
    """
    run = open_run(context.settings, context.catalog, context.emit)
    owner = _owner(request, run)
    before = _before(request.service, owner)
    recorded = tuple(item.name for item in recorded_services(context.root))
    with upgrade_lock(context.root, context.settings.wait):
        outcome = apply(todo, context, f"install {request.app} in place of {request.service}")
        if outcome.failed:
            return Adoption(outcome)
        run = replace(run, site=replace(run.site, generation=outcome.after))
        state = AdoptionState(
            request.app,
            service=request.service,
            before=outcome.before.number,
            after=outcome.after.number,
            replaced=(before, *_of_the_same_names(request, run, recorded)),
            recorded=recorded,
        )
        return Adoption(outcome, _replace(state, run))


def resume_adoption(state: AdoptionState, run: ServiceRun) -> None:
    """Finish one whose command was killed, or undo it."""
    if state.healthy:
        _finish(state, run)
        return
    sentence = f"an adoption of {state.service} by {state.app} was interrupted: it is undone"
    run.site.emit(WarningRaised(sentence, "Adopt it again."))
    undo(state, run)


def _replace(state: AdoptionState, run: ServiceRun) -> ServiceOutcomes:
    """Stop the services, and start the app's; where these do not come up, everything is undone."""
    _require_restorable(state, run)
    write_adoption(run.site.root, state)
    try:
        for item in state.replaced:
            _stop(item, run)
        started = start_services([state.app], run)
    except BaseException:
        undo(state, run)
        raise
    if started.failed:
        undo(state, run)
        return ServiceOutcomes(tuple(_with_hint(item, state) for item in started.outcomes))
    write_adoption(run.site.root, replace(state, healthy=True))
    _finish(state, run)
    return started


def _finish(state: AdoptionState, run: ServiceRun) -> None:
    for item in state.replaced:
        _let_go(item, run)
    end_adoption(run.site.root)


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
    running = owner.status(name).is_running
    return ServiceBefore(name, owner.name, running=running, definition=definition, variables=dict(variables))


def _of_the_same_names(request: AdoptRequest, run: ServiceRun, recorded: Collection[str]) -> list[ServiceBefore]:
    """Further services of the root's own supervisor that a start of the app replaces."""
    names = _service_names(request.app, run).difference(recorded, {request.service})
    return [_before(name, run.supervisor) for name in run.supervisor.services() if name in names]


def _require_restorable(state: AdoptionState, run: ServiceRun) -> None:
    """What another program defined under a name that the app needs would be lost. Raises Unsupported, once the install
    is undone.
    """
    app, names = state.app, _service_names(state.app, run)
    for item in state.replaced:
        if item.definition is None and item.name in names and item.supervisor == run.supervisor.name:
            _revert(state, run)
            what = f"{item.name} in {item.supervisor} was not defined by hero-build"
            reason = f"{what}, which could not restore it if {app} does not start"
            raise Unsupported(reason, f"Remove it in {item.supervisor}, then install {app}.")


def _supervisor(item: ServiceBefore, run: ServiceRun) -> Supervisor:
    """The one that has it. Raises RuntimeUnreachable."""
    for supervisor in (run.supervisor, *run.others):
        if supervisor.name == item.supervisor:
            return supervisor
    raise RuntimeUnreachable(f"{item.supervisor} does not answer", f"Start it; then start {item.name} in it.")


def _stop(item: ServiceBefore, run: ServiceRun) -> None:
    if not item.running:
        return
    owner, limit = _supervisor(item, run), item.definition.stop_timeout if item.definition else 0.0
    run.step(item.name, "stop", limit=limit)
    owner.stop(item.name)
    if not wait_for(lambda: not owner.status(item.name).pid, limit + run.timeouts.change, run.timeouts.poll):
        hint = f"End it in {owner.name}, then adopt it again."
        raise NotHealthy(f"{item.name} did not stop", hint)


def _let_go(item: ServiceBefore, run: ServiceRun) -> None:
    """What was stopped stays stopped: it is forgotten, or the supervisor may start it again at the next boot."""
    if item.supervisor != run.supervisor.name or item.definition is None:
        sentence = f"{item.supervisor} still has {item.name}, which is stopped there"
        hint = f"Remove it in {item.supervisor}, or it may start again at the next boot."
        run.site.emit(WarningRaised(sentence, hint))
    elif all(record.name != item.name for record in recorded_services(run.site.root)):
        run.supervisor.forget(item.name)  # else the app's own service has its name


def undo(state: AdoptionState, run: ServiceRun) -> None:
    """Everything as before: the services that were added, the programs, and the services that were stopped."""
    root, app = run.site.root, state.app
    try:
        for name in _service_names(app, run).difference(state.recorded):
            with locked_service(root, name, run.wait):
                run.supervisor.forget(name)
                forget_record(root, name)
        _revert(state, run)
    finally:
        for item in state.replaced:
            _start_again(item, run)
    running = [item.name for item in recorded_services(root) if item.app == app]
    if running := [name for name in running if wanted(root, name) == "running"]:
        restart_names(running, replace(run, site=replace(run.site, generation=manifest.load(root.path))))
    end_adoption(root)


def _revert(state: AdoptionState, run: ServiceRun) -> None:
    if state.before != state.after:
        revert(run.site.root, state.before, after=state.after, wait=run.wait)


def _with_hint(item: ServiceOutcome, state: AdoptionState) -> ServiceOutcome:
    """The app is not installed any more, so that none of its commands helps."""
    if not isinstance(item, ServiceFailed):
        return item
    error = copy(item.error)
    error.hint = f"Nothing stays changed, and {state.service} is as it was. Correct the cause, then adopt it again."
    return replace(item, error=error)


def _service_names(app: str, run: ServiceRun) -> set[str]:
    try:
        defined = {item.name for item in app_services(app, "", run.site, secrets=False).services}
    except HeroBuildError:  # its recipe cannot say
        defined = set()
    return defined | {item.name for item in recorded_services(run.site.root) if item.app == app}


def _start_again(item: ServiceBefore, run: ServiceRun) -> None:
    """As it was defined, if hero-build defined it; else its supervisor has it still."""
    definition = item.definition
    try:
        owner = _supervisor(item, run)
        if definition is not None and owner.name == run.supervisor.name:
            if definition.env_file is not None:
                exec_file.write_environment(definition.env_file, item.variables)
            owner.define(definition)
        if item.running:
            owner.start(item.name)
    except HeroBuildError as error:
        run.site.emit(WarningRaised(f"{item.name} could not be started again: {error.message}", error.hint))
