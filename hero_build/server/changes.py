"""The methods that change an app: each runs in a process of its own, one at a time for an app."""

from hero_build import manifest
from hero_build.install import capabilities
from hero_build.model.steps import Request
from hero_build.ops import install as ops_install
from hero_build.queries import change_report
from hero_build.queries.change_report import ChangeReport
from hero_build.server.call import Call, raise_first
from hero_build.server.targets import known_app
from hero_build.server.types import InstallParams


def install(params: InstallParams, call: Call) -> ChangeReport:
    """Install or update an app, as `hero-build install APP`."""
    context = call.context(writable=True)
    app = known_app(params.name, context.catalog, manifest.load(call.settings.root))
    request = Request(app, mode=params.mode, version=params.version, reset=params.reset)
    with context.checkouts:
        plan = ops_install.plan([request], context)
        outcome = ops_install.apply(plan, context, f"install {app}")
    for warning in capabilities.warnings(call.root, outcome.before, outcome.after):
        context.emit(warning)
    report = change_report.outcome(outcome, str(call.root.path))
    raise_first(report.failed)
    return report
