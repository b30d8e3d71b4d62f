"""The page's own methods that change something: install and start, return to an earlier version or generation."""

import shutil
from functools import partial

from hero_build import manifest
from hero_build.context import Context
from hero_build.errors import DiskFull, NotFound
from hero_build.install.history import restore_app
from hero_build.model.decisions import Build, Download
from hero_build.model.installed import Generation, Phase
from hero_build.model.steps import Request
from hero_build.ops import install as ops_install
from hero_build.ops.adopt_service import AdoptRequest, adopt_service
from hero_build.ops.install import Plan
from hero_build.ops.rollback import rollback
from hero_build.ops.services import start_services
from hero_build.ops.way_back import require_way_back
from hero_build.queries import change_report
from hero_build.queries.change_report import ChangeReport
from hero_build.queries.service_report import service_report
from hero_build.server.call import Call, raise_first
from hero_build.server.catalog_types import CatalogAdoptParams, CatalogInstallParams, CatalogRestoreParams
from hero_build.server.targets import known_app
from hero_build.server.types import NameParams
from hero_build.services.records import recorded_services, wanted

_SPARE = 64 << 20
"""Bytes that stay free: a full disk stops more than an install."""


def install(params: CatalogInstallParams, call: Call) -> ChangeReport:
    """Install an app, or update it, and start all of its services. Refused where the disk has too little space."""
    context = call.context(use="change")
    app = known_app(params.name, context.catalog, manifest.load(call.root.path))
    phase = _phase(app, context, bundle=params.bundle)
    with context.checkouts:
        plan = ops_install.plan([Request(app, version=params.version, phase=phase)], context)
        _check_space(plan, context)
        outcome = ops_install.apply(plan, context, f"install {app}" if phase == "install" else phase)
    report = change_report.outcome(outcome, str(call.root.path))
    raise_first(report.failed, report)
    _start(_serving(app, phase, context), outcome.after, call)
    return report


def adopt(params: CatalogAdoptParams, call: Call) -> ChangeReport:
    """Install an app, stop the service of a supervisor that no installed app owns, and start the app in its place.

    Where the install fails, or a service of the app is not healthy, everything is undone and that service runs again.
    """
    context = call.context(use="change")
    app = known_app(params.name, context.catalog, manifest.load(call.root.path))
    request = AdoptRequest(app, params.service, params.supervisor)
    with context.checkouts:
        plan = ops_install.plan([Request(app)], context)
        _check_space(plan, context)
        adopted = adopt_service(request, plan, context)
    report = change_report.outcome(adopted.outcome, str(call.root.path))
    raise_first([*report.failed, *service_report(adopted.services).failed])
    return report


def roll_back(params: NameParams, call: Call) -> ChangeReport:
    """Return an app to the version that it had before, and restart its services; other apps stay as they are."""
    current = manifest.load(call.root.path)
    catalog = call.context().catalog
    app = known_app(params.name, catalog, current)
    target = call.memory.previous.generation(call.root, current, app)
    if target is None:
        raise NotFound(f"no earlier version of {app} is kept", "`hero-build history` lists the generations.")
    check = partial(require_way_back, catalog=catalog)
    before, after = restore_app(call.root, app, target.number, wait=call.settings.wait, check=check)
    _restart_changed(before, after, call)
    return change_report.between(before, after, str(call.root.path))


def restore(params: CatalogRestoreParams, call: Call) -> ChangeReport:
    """Restore the content of an earlier generation, as `hero-build rollback N`, and restart what runs and changed."""
    check = partial(require_way_back, catalog=call.context().catalog)
    before, after = rollback(
        call.root, params.number, wait=call.settings.wait, check=check, run=call.service_run, emit=call.emit
    )
    _restart_changed(before, after, call)
    return change_report.between(before, after, str(call.root.path))


def _phase(app: str, context: Context, *, bundle: bool) -> Phase:
    recipe = context.catalog.get(app).recipe
    if recipe.islands:
        return "islands"
    return "shell" if bundle and recipe.bundles else "install"


def _check_space(plan: Plan, context: Context) -> None:
    """Before anything is fetched. A build's size is not known. Raises DiskFull."""
    selected = [item for step in plan.decisions if isinstance(step, Download) for item in step.selected]
    selected += [
        item for step in plan.decisions if isinstance(step, Build) and step.task for item in step.task.libraries
    ]
    needed = sum(item.asset.size or 0 for item in selected)
    free = shutil.disk_usage(context.root.path if context.root.path.exists() else context.root.path.parent).free
    if needed and needed + _SPARE > free:
        sentence = f"{_megabytes(needed)} would be downloaded, and {_megabytes(free)} are free at {context.root.path}"
        raise DiskFull(sentence, "Free some space: `hero-build gc` drops old generations. Nothing was changed.")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _serving(app: str, phase: Phase, context: Context) -> tuple[str, ...]:
    """The apps to start: those that serve what was installed."""
    return (app,) if phase == "install" else context.catalog.get(app).recipe.restarts


def _start(apps: tuple[str, ...], generation: Generation, call: Call) -> None:
    """Those that have services; what runs as installed and is healthy is left alone."""
    startable = {part.app for part, record in generation.records.items() if any(e.startable for e in record.entries)}
    names = [app for app in apps if app in startable]
    if names:
        raise_first(service_report(start_services(names, call.service_run())).failed)


def _restart_changed(before: Generation, after: Generation, call: Call) -> None:
    """The services of what changed that should run."""
    changed = {part.app for part in after.records if after.records[part] != before.records.get(part)}
    running = {item.app for item in recorded_services(call.root) if wanted(call.root, item.name) == "running"}
    _start(tuple(sorted(changed & running)), after, call)
