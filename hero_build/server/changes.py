"""The methods that change an app: each runs in a process of its own, one at a time for an app."""

from collections.abc import Collection

from msgspec.structs import replace

from hero_build import manifest
from hero_build.context import Context
from hero_build.errors import UsageError
from hero_build.install import capabilities
from hero_build.install.holds import held_apps
from hero_build.model.artifacts import DESKTOP_APP
from hero_build.model.installed import Mode
from hero_build.model.steps import Request
from hero_build.ops import delete as ops_delete
from hero_build.ops import install as ops_install
from hero_build.ops import services
from hero_build.ops.build import build as build_apps
from hero_build.ops.gated_change import apply_gated
from hero_build.ops.install import Outcome
from hero_build.ops.restart import restart_apps
from hero_build.ops.services import ServiceOutcomes
from hero_build.ops.upgrade import requests as upgrade_requests
from hero_build.queries import change_report
from hero_build.queries.apps import by_app, present
from hero_build.queries.build_report import BuildReport, build_report
from hero_build.queries.bundle_warnings import missing_bundles
from hero_build.queries.change_report import ChangeReport
from hero_build.queries.delete_report import DeleteReport, delete_report
from hero_build.queries.gated_report import gated_report
from hero_build.queries.service_report import ServiceReport, service_report
from hero_build.server.call import Call, raise_first
from hero_build.server.targets import known_app
from hero_build.server.types import (
    BuildParams,
    DeleteParams,
    InstallParams,
    RestartedAt,
    RestartParams,
    StartedAt,
    StartParams,
    StopParams,
    StoppedAt,
    UpgradeParams,
)
from hero_build.services import journal
from hero_build.services.targets import parse


def build(params: BuildParams, call: Call) -> BuildReport:
    """Download or build an app and verify it into the store, as `hero-build build APP`: nothing is installed."""
    context = call.context(use="change")
    request = Request(_app(params.name, context), mode=params.mode, version=params.version)
    with context.checkouts:
        report = build_report(build_apps([request], context))
    raise_first(report.failed)
    return report


def install(params: InstallParams, call: Call) -> ChangeReport:
    """Install or update an app, as `hero-build install APP`."""
    return _install(call, params.name, mode=params.mode, version=params.version, reset=params.reset)


def start(params: StartParams, call: Call) -> StartedAt:
    """Start services and wait until they are healthy, as `hero-build start NAME`; with `version`, install it before."""
    _install_version(params, call)
    report = _report(services.start_services([params.name], call.service_run(), reset=params.reset), call)
    return StartedAt(report.services, report.failed, journal.now())


def restart(params: RestartParams, call: Call) -> RestartedAt:
    """Restart services and wait until they are healthy; with `version`, install it before."""
    _install_version(params, call)
    outcomes = restart_apps([params.name], call.context())
    _warn_of_missing_bundles(outcomes.touched, call)
    report = change_report.report(outcomes)
    raise_first(report.failed)
    return RestartedAt(report.restarted, idle=report.idle, failed=report.failed, restarted_at=journal.now())


def upgrade(params: UpgradeParams, call: Call) -> ChangeReport:
    """Upgrade an app and restart what runs of it; rolled back if a service is not healthy, as `hero-build upgrade`."""
    context = call.context(use="change")
    generation = manifest.load(call.settings.root)
    (app,) = present([parse(params.name).app], by_app(generation), context.catalog)
    if app in held_apps(call.root):
        raise UsageError(f"{app} is held", f"`hero-build unhold {app}` releases it.")
    requests = [replace(item, version=params.version) for item in upgrade_requests([app], generation)]
    with context.checkouts:
        gate = apply_gated(ops_install.plan(requests, context), context, f"upgrade {app}")
    _warn_of_lost_capabilities(gate.outcome, call)
    report = gated_report(gate, str(call.root.path))
    raise_first(report.every_failure, report)
    return report


def stop(params: StopParams, call: Call) -> StoppedAt:
    """Stop services and wait until they have ended, as `hero-build stop NAME`."""
    report = _report(services.stop_services([params.name], call.service_run()), call)
    return StoppedAt(report.services, report.failed, journal.now())


def delete(params: DeleteParams, call: Call) -> DeleteReport:
    """Stop services and forget them, as `hero-build delete NAME`; with `purge_binaries`, uninstall the app."""
    result = ops_delete.delete([params.name], call.service_run(), purge=params.purge_binaries, wait=call.settings.wait)
    report = delete_report(result, str(call.root.path))
    raise_first(report.failed)
    return report


def _install_version(params: StartParams | RestartParams, call: Call) -> None:
    if params.version is not None:
        _install(call, params.name, mode="auto", version=params.version)


def _install(call: Call, name: str, *, mode: Mode, version: str | None, reset: bool = False) -> ChangeReport:
    context = call.context(use="change")
    app = _app(name, context)
    with context.checkouts:
        plan = ops_install.plan([Request(app, mode=mode, version=version, reset=reset)], context)
        outcome = ops_install.apply(plan, context, f"install {app}")
    _warn_of_lost_capabilities(outcome, call)
    report = change_report.outcome(outcome, str(call.root.path))
    raise_first(report.failed, report)
    return report


def _app(name: str, context: Context) -> str:
    return known_app(name, context.catalog, manifest.load(context.root.path))


def _report(outcomes: ServiceOutcomes, call: Call) -> ServiceReport:
    """What was done; the first failure ends the call."""
    _warn_of_missing_bundles(outcomes.apps, call)
    report = service_report(outcomes)
    raise_first(report.failed)
    return report


def _warn_of_missing_bundles(apps: Collection[str], call: Call) -> None:
    if DESKTOP_APP in apps:
        for warning in missing_bundles(call.root, manifest.load(call.root.path)):
            call.emit(warning)


def _warn_of_lost_capabilities(outcome: Outcome, call: Call) -> None:
    for warning in capabilities.warnings(call.root, outcome.before, outcome.after):
        call.emit(warning)
