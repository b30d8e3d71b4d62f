"""An upgrade or an adoption whose command was killed: the next command finishes it, or undoes it, by its journal."""

from collections.abc import Callable

from msgspec.structs import replace

from hero_build import manifest
from hero_build.context import Context
from hero_build.errors import HeroBuildError
from hero_build.events import Emit, WarningRaised
from hero_build.install.layout import Root
from hero_build.install.recover import current_number
from hero_build.ops.adopt_service import resume_adoption
from hero_build.ops.health_gate import installed_of, restart_and_judge, roll_back
from hero_build.ops.leaving import start_again
from hero_build.ops.restart import restart_running
from hero_build.ops.stop_apps import RunningServices
from hero_build.services import upgrade_journal
from hero_build.services.adoption_journal import end_adoption, interrupted_adoption, read_adoption
from hero_build.services.open_run import open_run
from hero_build.services.upgrade_journal import UpgradeState


def resume(root: Root, open_context: Callable[[], Context], emit: Emit) -> None:
    """Finish or undo what was interrupted. What cannot be finished is a warning, never a block."""
    _resume_upgrade(root, open_context, emit)
    _resume_adoption(root, open_context, emit)


def _resume_adoption(root: Root, open_context: Callable[[], Context], emit: Emit) -> None:
    if (state := interrupted_adoption(root)) is None:
        return
    what = f"an interrupted adoption of {state.service}"
    try:
        context = open_context()
    except HeroBuildError as error:
        emit(WarningRaised(f"{what} waits: {error.message}", error.hint))
        return
    with upgrade_journal.upgrade_lock(root, context.settings.wait):
        if (state := read_adoption(root)) is None:
            return
        try:
            resume_adoption(state, open_run(context.settings, context.catalog, context.emit))
        except HeroBuildError as error:
            end_adoption(root)
            context.emit(WarningRaised(f"{what} could not be undone: {error.message}", error.hint))


def _resume_upgrade(root: Root, open_context: Callable[[], Context], emit: Emit) -> None:
    if (state := upgrade_journal.interrupted_upgrade(root)) is None:
        return
    try:
        context = open_context()
    except HeroBuildError as error:
        emit(WarningRaised(f"an interrupted upgrade of {', '.join(state.apps)} waits: {error.message}", error.hint))
        return
    with upgrade_journal.upgrade_lock(root, context.settings.wait):
        if (state := upgrade_journal.read_upgrade(root)) is None:
            return
        current = current_number(root)
        after = state.after or (current if current == state.before + 1 else 0)
        try:
            _resume(replace(state, after=after), context)
        except HeroBuildError as error:
            upgrade_journal.end_upgrade(root)
            sentence = f"an interrupted upgrade of {', '.join(state.apps)} could not be finished: {error.message}"
            context.emit(WarningRaised(sentence, error.hint))


def _resume(state: UpgradeState, context: Context) -> None:
    root = context.root
    apps = ", ".join(state.apps)
    if not state.after:
        start_again(RunningServices(state.leaving, state.leaving_others), context)
        upgrade_journal.end_upgrade(root)  # nothing was committed, or it is not known what: another command came since
        return
    context.emit(WarningRaised(f"an upgrade of {apps} was interrupted: it is finished now, or undone"))
    if state.step == "rolling back":
        roll_back(state, context)
    elif restart_and_judge(state, context).rolled_back:  # and what the killed command had restarted
        restart_running(installed_of(state.apps, manifest.load(root.path)), context)
