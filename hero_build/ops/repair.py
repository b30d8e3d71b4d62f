"""Mending a root: links are made again, what was only touched is sealed again, what is broken is fetched again.

A repaired part has the very content the manifest recorded: what a release carries now under the same names is
refused when it is something else. What was built is built again, if its checkout still is what it was built from.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from hero_build.context import Context
from hero_build.errors import BuildNeeded
from hero_build.install import seal
from hero_build.install.commit import commit
from hero_build.install.root_lock import LockedRoot, locked
from hero_build.model.artifacts import ISLANDS
from hero_build.model.installed import Backend, InstalledPart, Origin, PartId, Phase
from hero_build.model.steps import Build, Decision, Download, Failed, Installed, Request, Restore, SelectedAsset
from hero_build.ops.install import Outcome, Plan, Step, apply, plan


def repair(apps: Sequence[str], context: Context) -> Outcome:
    """Mend these apps (recovery, which comes first, mends missing links). Raises as `pipeline.apply`."""
    with locked(context.root, context.settings.wait) as held:
        parts = [part for part in held.generation.records if part.app in apps]
        broken = _broken(held, parts)
        touched = [part for part in parts if part not in broken]
        revived = [Restore(held.generation.records[part], held.generation.number) for part in touched]
        before, _ = commit(held, revived, f"repair {' '.join(apps)}")
    todo = plan(_requests(item.record for item in broken.values()), context)
    outcome = apply(_as_recorded(todo, broken), context, f"repair {' '.join(sorted({part.app for part in broken}))}")
    return replace(outcome, before=before)


def _broken(locked_root: LockedRoot, parts: Sequence[PartId]) -> dict[PartId, Installed]:
    """The parts whose content is not what it was, as against those of which only links or seal are not."""
    found = seal.rehash(locked_root.root, locked_root.generation, parts, links=False)
    return {part: installed for part, installed in found.items() if installed.damage}


def _requests(broken: Iterable[InstalledPart]) -> list[Request]:
    """Islands of one origin are asked for together."""
    named: dict[Request, list[str]] = {}
    for record in broken:
        named.setdefault(_request(record), []).append(record.id.bundle or "")
    return [replace(ask, names=tuple(names)) if ask.phase == "islands" else ask for ask, names in named.items()]


def _request(record: InstalledPart) -> Request:
    """Whatever a look makes of it (only reading every byte told), the part is to be had again."""
    phase = _phase(record)
    if record.origin.used == "source":
        backend, optimise = _made(record.origin)
        return Request(record.id.app, "source", reset=True, phase=phase, backend=backend, optimise=optimise)
    return Request(record.id.app, "download", record.origin.tag, reset=True, phase=phase)


def _phase(record: InstalledPart) -> Phase:
    if record.id.bundle is None:
        return "install"
    (bundle,) = record.entries
    return "islands" if bundle.files[0].path.startswith(f"{ISLANDS}/") else "shell"


def _made(origin: Origin) -> tuple[Backend, bool]:
    """By what a bundle was made, and whether with wasm-opt: its fingerprint tells (`source.wasm.outline.mark`)."""
    words = dict(origin.build.fingerprint.parts).get("bundles", "").split() if origin.build else []
    return "wasm-pack" if words[:1] == ["wasm-pack"] else "direct", "--no-opt" not in words


def _as_recorded(todo: Plan, broken: Mapping[PartId, Installed]) -> Plan:
    """The plan with the recorded digests as the expected ones, and with nothing but the broken parts."""
    moved = [failed for step in todo.steps for item in step.decisions if (failed := _moved_on(item, broken))]
    gone = {failed.part for failed in moved}
    rest = {part: installed for part, installed in broken.items() if part not in gone}
    steps = (Step(step.facts, tuple(_pinned(step.decisions, rest))) for step in todo.steps)
    return Plan(tuple(steps), (*todo.failed, *moved))


def _moved_on(item: Decision, broken: Mapping[PartId, Installed]) -> Failed | None:
    """Why a broken part cannot be built again as it was; None when it can, or was not built."""
    if not isinstance(item, Build) or item.part.id not in broken or item.task is None:
        return None
    then, now = broken[item.part.id].record.origin, item.task.origin
    if then.build and now.build and not (changed := now.build.fingerprint.changed(then.build.fingerprint)):
        return None
    which = ", ".join(changed) if then.build and now.build else "origin"
    sentence = f"{item.part.id} was built from something else than what is there now (changed: {which})"
    how = _command(broken[item.part.id].record)
    hint = f"Build what is there: `hero-build {how} --mode source`, or `--ref {then.commit}` for what was."
    return Failed(item.part.id.app, item.part.id, BuildNeeded(sentence, hint))


def _command(record: InstalledPart) -> str:
    phase = _phase(record)
    name = {"install": record.id.app, "islands": record.id.bundle, "shell": None}[phase]
    return f"{phase} {name}" if name else phase


def _pinned(decisions: Sequence[Decision], broken: Mapping[PartId, Installed]) -> Iterator[Decision]:
    for item in decisions:
        if isinstance(item, Download) and item.part.id in broken:
            record = broken[item.part.id].record
            digests = {entry.name: entry.asset_sha256 for entry in record.entries}
            pairs = zip(item.part.artifacts, item.offers, strict=True)
            offers = tuple(_offer(offer, digests.get(artifact.name)) for artifact, offer in pairs)
            why = broken[item.part.id].damage[0]
            yield replace(item, why=why, offers=offers, origin=record.origin)
        elif isinstance(item, Build) and item.part.id in broken and item.task is not None:
            task = replace(item.task, origin=broken[item.part.id].record.origin)
            yield replace(item, why=broken[item.part.id].damage[0], task=task)


def _offer(selected: SelectedAsset, digest: str | None) -> SelectedAsset:
    return selected if digest is None else replace(selected, sha256=digest)
