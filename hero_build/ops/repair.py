"""Repairs a root: links are created again, and what is damaged is reinstalled.

A repaired part has the very content that the manifest recorded: a release that carries something else under the same
names now is refused. What was built is built again, if its checkout is still what it was built from.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from hero_build.context import Context
from hero_build.errors import BuildNeeded
from hero_build.install import seal
from hero_build.install.commit import commit
from hero_build.install.root_lock import LockedRoot, locked
from hero_build.model.artifacts import backend_of, phase_of
from hero_build.model.decisions import Build, Decision, Download, Reason
from hero_build.model.installed import InstalledPart, PartId
from hero_build.model.steps import Failed, Installed, Request, Restore, SelectedAsset
from hero_build.ops.install import Outcome, Plan, Step, apply, plan


def repair(apps: Sequence[str], context: Context) -> Outcome:
    """Repair these apps; recovery, which comes first, creates missing links. Raises as `ops.install.apply`."""
    with locked(context.root, context.settings.wait) as root:
        parts = [part for part in root.generation.records if part.app in apps]
        damaged = _damaged(root, parts)
        intact = [part for part in parts if part not in damaged]
        restored = [Restore(root.generation.records[part], root.generation.number) for part in intact]
        before, _ = commit(root, restored, f"repair {' '.join(apps)}", lock=root.generation.lock)
    todo = plan(_requests(item.record for item in damaged.values()), context)
    action = f"repair {' '.join(sorted({part.app for part in damaged}))}"
    repaired = replace(_as_recorded(todo, damaged), lock=before.lock)
    return replace(apply(repaired, context, action), before=before)


def _damaged(root: LockedRoot, parts: Sequence[PartId]) -> dict[PartId, Installed]:
    """The parts whose content is not what was recorded; of the others only links may differ."""
    hashed = seal.rehash(root.root, root.generation, parts, links=False)
    return {part: installed for part, installed in hashed.items() if installed.damage}


def _requests(damaged: Iterable[InstalledPart]) -> list[Request]:
    """One request for each part; islands of one origin share one."""
    names: dict[Request, list[str]] = {}
    for record in damaged:
        names.setdefault(_request(record), []).append(record.id.bundle or "")
    return [replace(item, names=tuple(names[item])) if item.phase == "islands" else item for item in names]


def _request(record: InstalledPart) -> Request:
    """With `reset`: the quick look need not see the damage that reading every byte has shown."""
    app, origin, phase = record.id.app, record.origin, phase_of(record)
    if origin.used == "source":
        backend, optimise = backend_of(origin)
        return Request(app, "source", reset=True, phase=phase, backend=backend, optimise=optimise)
    return Request(app, "download", origin.tag, reset=True, phase=phase)


def _as_recorded(todo: Plan, damaged: Mapping[PartId, Installed]) -> Plan:
    """The plan for the damaged parts alone, with the recorded digests as the expected ones."""
    refused = [failed for step in todo.steps for item in step.decisions if (failed := _refused(item, damaged))]
    parts = {failed.part for failed in refused}
    rest = {part: installed for part, installed in damaged.items() if part not in parts}
    steps = (Step(step.facts, tuple(_pinned(step.decisions, rest))) for step in todo.steps)
    return Plan(tuple(steps), (*todo.failed, *refused))


def _refused(item: Decision, damaged: Mapping[PartId, Installed]) -> Failed | None:
    """Why a damaged part cannot be built again as it was; None when it can, or was not built."""
    if not isinstance(item, Build) or item.part.id not in damaged or item.task is None:
        return None
    record = damaged[item.part.id].record
    recorded, current = record.origin.build, item.task.origin.build
    if recorded and current and not current.fingerprint.changed(recorded.fingerprint):
        return None
    changed = ", ".join(current.fingerprint.changed(recorded.fingerprint)) if recorded and current else "origin"
    sentence = f"{item.part.id} was built from other inputs than those that are there now (changed: {changed})"
    how = f"`hero-build {_command(record)} --mode source`, or `--ref {record.origin.commit}` for what it was"
    return Failed(item.part.id.app, item.part.id, BuildNeeded(sentence, f"Build from what is there now: {how}."))


def _command(record: InstalledPart) -> str:
    match phase_of(record):
        case "install":
            return f"install {record.id.app}"
        case "islands":
            return f"islands {record.id.bundle}"
        case "shell":
            return "shell"


def _pinned(decisions: Sequence[Decision], damaged: Mapping[PartId, Installed]) -> Iterator[Decision]:
    for item in decisions:
        match item:
            case Download(part=part) if part.id in damaged:
                installed = damaged[part.id]
                selected = tuple(_recorded_assets(item, installed.record))
                why, origin = installed.damage[0], installed.record.origin
                yield replace(item, why=why, reason=Reason.DAMAGED, selected=selected, origin=origin)
            case Build(part=part, task=task) if part.id in damaged and task is not None:
                installed = damaged[part.id]
                same_origin = replace(task, origin=installed.record.origin)
                yield replace(item, why=installed.damage[0], reason=Reason.DAMAGED, task=same_origin)


def _recorded_assets(item: Download, record: InstalledPart) -> Iterator[SelectedAsset]:
    """The assets of a download, each with the digest that the manifest recorded for it."""
    digests = {entry.name: entry.asset_sha256 for entry in record.entries}
    for artifact, selected in zip(item.part.artifacts, item.selected, strict=True):
        digest = digests.get(artifact.name)
        yield selected if digest is None else replace(selected, sha256=digest)
