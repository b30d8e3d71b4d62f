"""What a command changed, or would change: the result of install, rollback, uninstall, repair and restart."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from hero_build.model.decisions import Build, Decision, Download, Keep, Reason, Remove
from hero_build.model.failure import Failure, exit_code, failures
from hero_build.model.installed import Generation, InstalledArtifact, InstalledPart, Used
from hero_build.model.steps import Failed
from hero_build.ops.install import Outcome, Plan
from hero_build.queries.diff import PartChange, changes
from hero_build.system import packed

if TYPE_CHECKING:  # what restarts a service is loaded by those who restart one
    from hero_build.ops.restart import RestartOutcomes


class RestartedService(Struct, frozen=True):
    """`seconds`: from asking until it was well; `tries`: 2 where it took a reset."""

    app: str
    service: str
    pid_before: int
    pid_after: int
    seconds: float
    tries: int


class IdleService(Struct, frozen=True):
    """An app, or one of its services, that does not run: nothing was done."""

    app: str
    why: str


class RestartReport(Struct, frozen=True):
    restarted: tuple[RestartedService, ...]
    idle: tuple[IdleService, ...]
    failed: tuple[Failure, ...]

    @property
    def code(self) -> int:
        return exit_code(self.failed, len(self.restarted))


def report(restarts: "RestartOutcomes") -> RestartReport:
    done = (
        RestartedService(
            item.app,
            service=item.service,
            pid_before=item.old_pid,
            pid_after=item.new_pid,
            seconds=round(item.seconds, 3),
            tries=item.tries,
        )
        for item in restarts.done
    )
    return RestartReport(
        tuple(done), tuple(IdleService(item.app, item.why) for item in restarts.idle), failures(restarts.failed)
    )


State = Literal[
    "kept", "installed", "changed", "repaired", "removed", "to keep", "to download", "to build", "to remove"
]


class ChangedArtifact(Struct, frozen=True):
    """An artifact as it was installed: the asset it came from, its size in bytes, and the checks it passed."""

    name: str
    asset: str | None
    size: int
    sha256: str
    verified: tuple[str, ...]


class PartState(Struct, frozen=True):
    """`bytes`: of the installed files; for a plan, of the assets to download, None if a size is unknown.

    `fallback`: `auto` built it, and nobody asked for a build: `why` says why.
    """

    part: str
    app: str
    state: State
    version_before: str | None
    version_after: str | None
    used: Used | None
    why: str | None
    bytes: int | None = None
    items: tuple[ChangedArtifact, ...] = ()
    fallback: bool = False


Result = Literal["done", "rolled_back", "stopped"]
"""`rolled_back`: services were not healthy after it, so that what it changed was undone; `stopped`: the same, without a
version to return to, so that its services were stopped."""


class ChangeReport(Struct, frozen=True):
    """Generation numbers before and after: equal when nothing changed. `undo` is the command that takes it back.

    `restart` is what --restart did, if it was given. `rollback` is the generation that an automatic rollback made,
    `healthy_again` whether every service that was healthy before is so after it (null: no rollback); `evidence`: the
    folder with the logs and answers of what failed. `lock`: the sha256 of the lock file that was given.
    """

    before: int
    after: int
    dry_run: bool
    parts: tuple[PartState, ...]
    failed: tuple[Failure, ...]
    undo: str | None = None
    restart: RestartReport | None = None
    result: Result = "done"
    rollback: int | None = None
    healthy_again: bool | None = None
    evidence: str | None = None
    lock: str | None = None

    @property
    def code(self) -> int:
        """That of the install; where it is well, that of the restart, which takes nothing of it back."""
        code = exit_code(self.failed, len(self.parts))
        return code or (exit_code(self.restart.failed, 0) if self.restart else 0)

    @property
    def every_failure(self) -> tuple[Failure, ...]:
        return (*self.failed, *(self.restart.failed if self.restart else ()))


def outcome(result: Outcome, root_flag: str | None = None) -> ChangeReport:
    """Of an install or a repair. `root_flag`: the --root that was typed, for the undo command."""
    done = between(result.before, result.after, root_flag)
    named = {part.part for part in done.parts}
    failed = {str(item.part or item.app) for item in result.failed}
    same = result.before.number == result.after.number
    stay = [item for item in result.plan.decisions if not isinstance(item, Remove)]
    rest = (part for item in stay if (part := _unmoved(item, same=same)).part not in named | failed)
    built = {str(item.part.id) for item in result.plan.decisions if isinstance(item, Build) and item.fallback}
    changed = (replace(part, fallback=part.part in built) for part in done.parts)
    ordered = tuple(sorted((*rest, *changed), key=lambda part: part.part))
    return ChangeReport(
        done.before, after=done.after, dry_run=False, parts=ordered, failed=failures(result.failed), undo=done.undo
    )


def _unmoved(decision: Decision, *, same: bool) -> PartState:
    """A part whose files are what they were: it was kept, made again (and recorded anew), or put back because the disk
    had come to disagree.

    `same`: the generation is the same, so nothing was repaired.
    """
    if isinstance(decision, Keep):
        return _planned(decision, "kept")
    part = _intended(decision)
    if same:
        return replace(part, state="kept", version_before=part.version_after, why="what came is what is installed")
    state: State = "repaired" if decision.reason is Reason.DAMAGED else "changed"
    return replace(part, state=state, version_before=part.version_after)


def dry(plan: Plan, generation: Generation) -> ChangeReport:
    """Of a plan that is not carried out."""
    versions = {str(known): record.origin.version for known, record in generation.records.items()}
    parts = tuple(replace(part, version_before=versions.get(part.part)) for part in map(_intended, plan.decisions))
    return ChangeReport(
        generation.number, after=generation.number, dry_run=True, parts=parts, failed=failures(plan.failed)
    )


def between(
    before: Generation, after: Generation, root_flag: str | None, failed: Sequence[Failed] = ()
) -> ChangeReport:
    """Of any change from one generation to another."""
    changed = changes(before.records, after.records)
    apps = {change.app for change in changed}
    installed = {str(part): after.records[part] for part in after.records if part.app in apps}
    parts = tuple(_done(change, installed.get(change.part)) for change in changed)
    same = after.number == before.number
    undo = None if same else f"{packed.typed()}{_root_option(root_flag)} rollback {before.number}"
    return ChangeReport(
        before.number, after=after.number, dry_run=False, parts=parts, failed=failures(failed), undo=undo
    )


def _root_option(root_flag: str | None) -> str:
    if root_flag:
        import shlex  # only for --root

        return f" --root {shlex.quote(root_flag)}"
    return ""


def _done(change: PartChange, record: InstalledPart | None) -> PartState:
    state: State = "installed" if change.change == "added" else change.change
    items = tuple(_item(entry) for entry in record.entries) if record else ()
    head = PartState(
        change.part,
        app=change.app,
        state=state,
        version_before=change.version_before,
        version_after=change.version_after,
        used=change.used,
        why=change.why,
    )
    return replace(head, bytes=sum(item.size for item in items), items=items)


def _item(entry: InstalledArtifact) -> ChangedArtifact:
    size = sum(file.size for file in entry.files)
    return ChangedArtifact(
        entry.name,
        asset=entry.asset,
        size=size,
        sha256=entry.asset_sha256 or entry.files[0].sha256,
        verified=entry.verified,
    )


def _intended(decision: Decision) -> PartState:
    match decision:
        case Keep():
            return _planned(decision, "to keep")
        case Download(part, why, _, origin, offers):
            sizes = [selected.asset.size for selected in offers]
            total = None if None in sizes else sum(size or 0 for size in sizes)
            return PartState(
                str(part.id),
                app=part.id.app,
                state="to download",
                version_before=None,
                version_after=origin.version,
                used="download",
                why=why,
                bytes=total,
            )
        case Build(part, why, task):
            version = task.origin.version if task else None
            return PartState(
                str(part.id),
                app=part.id.app,
                state="to build",
                version_before=None,
                version_after=version,
                used="source",
                why=why,
                fallback=decision.fallback,
            )
        case Remove(part_id, why):
            return PartState(
                str(part_id),
                app=part_id.app,
                state="to remove",
                version_before=None,
                version_after=None,
                used=None,
                why=why,
            )
        case _:
            assert_never(decision)


def _planned(decision: Keep, state: State) -> PartState:
    origin = decision.origin
    part = decision.part
    return PartState(
        str(part),
        app=part.app,
        state=state,
        version_before=origin.version,
        version_after=origin.version,
        used=origin.used,
        why=decision.why,
    )
