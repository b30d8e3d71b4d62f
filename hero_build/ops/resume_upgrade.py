"""An upgrade or an adoption whose command was killed: the next command finishes it, or undoes it, by its journal."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hero_build import manifest
from hero_build.context import Context
from hero_build.errors import HeroBuildError, MachineError, NoWayBack, RuntimeUnreachable, Unsupported
from hero_build.events import Emit, WarningRaised
from hero_build.install.layout import Root
from hero_build.install.recover import current_number
from hero_build.ops.adopt_service import resume_adoption
from hero_build.ops.health_gate import installed_of, restart_and_judge, roll_back
from hero_build.ops.leaving import start_again
from hero_build.ops.restart import restart_running
from hero_build.ops.stop_apps import RunningServices
from hero_build.os_errors import machine_error
from hero_build.services.adoption_journal import end_adoption, interrupted_adoption, read_adoption
from hero_build.services.open_run import open_run
from hero_build.services.upgrade_journal import end_upgrade, interrupted_upgrade, read_upgrade, upgrade_lock


class _Interrupted(Struct, frozen=True):
    """`what` was interrupted; `resume` finishes or undoes it by its journal, `end` removes that; `goal` of both."""

    what: str
    goal: Literal["finished", "undone"]
    resume: Callable[[Context], None]
    end: Callable[[Root], None]


def resume(root: Root, open_context: Callable[[], Context], emit: Emit) -> None:
    """Finish or undo what was interrupted. What cannot be finished is a warning, never a block; what the machine lacks
    something for keeps its journal, and waits for the next command.
    """
    if (upgrade := interrupted_upgrade(root)) is not None:
        what = f"an interrupted upgrade of {', '.join(upgrade.apps)}"
        item = _Interrupted(what, "finished", resume=_resume_upgrade, end=end_upgrade)
        _finish(item, root, open_context=open_context, emit=emit)
    if (adoption := interrupted_adoption(root)) is not None:
        what = f"an interrupted adoption of {adoption.service}"
        item = _Interrupted(what, "undone", resume=_resume_adoption, end=end_adoption)
        _finish(item, root, open_context=open_context, emit=emit)


def _finish(item: _Interrupted, root: Root, open_context: Callable[[], Context], emit: Emit) -> None:
    try:
        context = open_context()
    except HeroBuildError as error:
        emit(WarningRaised(f"{item.what} waits: {error.message}", error.hint))
        return
    with upgrade_lock(root, context.settings.wait):
        try:
            item.resume(context)
        except (HeroBuildError, OSError) as error:
            refused = error if isinstance(error, HeroBuildError) else machine_error(error, root.path)
            if refused is None:
                raise
            emit(WarningRaised(_sentence(item, refused), refused.hint))
            if not _waits(refused):
                item.end(root)


def _sentence(item: _Interrupted, error: HeroBuildError) -> str:
    if _waits(error):
        return f"{item.what} waits for the next command: {error.message}"
    return f"{item.what} could not be {item.goal}: {error.message}"


def _waits(error: HeroBuildError) -> bool:
    """Whether it may succeed once the machine has what it lacks, or the supervisor answers."""
    return isinstance(error, MachineError | RuntimeUnreachable) and not isinstance(error, NoWayBack | Unsupported)


def _resume_adoption(context: Context) -> None:
    if (state := read_adoption(context.root)) is not None:
        resume_adoption(state, open_run(context.settings, context.catalog, context.emit))


def _resume_upgrade(context: Context) -> None:
    root = context.root
    if (state := read_upgrade(root)) is None:
        return
    current = current_number(root)
    state = replace(state, after=state.after or (current if current == state.before + 1 else 0))
    if not state.after:
        start_again(RunningServices(state.leaving, state.leaving_others), context)
        end_upgrade(root)  # nothing was committed, or it is not known what: another command came since
        return
    what = f"an upgrade of {', '.join(state.apps)}"
    context.emit(WarningRaised(f"{what} was interrupted: it is finished now, or undone"))
    if state.step == "rolling back":
        roll_back(state, context)
    elif restart_and_judge(state, context).rolled_back:  # and what the killed command had restarted
        restart_running(installed_of(state.apps, manifest.load(root.path)), context)
