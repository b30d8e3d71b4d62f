"""Earlier generations: list them, restore one, and uninstall apps. Each change makes a new generation."""

from collections.abc import Callable, Collection, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hero_build import manifest
from hero_build.errors import GenerationNotFound, NotFound, NotWritable, RootDamaged
from hero_build.install import seal
from hero_build.install.commit import commit
from hero_build.install.layout import Root
from hero_build.install.recover import current_number, generation_numbers
from hero_build.install.root_lock import LockedRoot, locked
from hero_build.model.installed import Generation, PartId
from hero_build.model.steps import Change, Drop, Restore
from hero_build.system.plain_text import noun


class Unreadable(Struct, frozen=True):
    """A generation whose manifest cannot be read, with the reason."""

    number: int
    error: RootDamaged | NotWritable


def list_generations(root: Root) -> tuple[Generation | Unreadable, ...]:
    """Every generation on disk, oldest first."""
    return tuple(_read(root, number) for number in generation_numbers(root))


Check = Callable[[Generation, Generation], None]
"""Raises for a change from one generation to another that must not be; nothing is changed then."""


def allow(before: Generation, after: Generation) -> None:
    """A Check that allows everything."""


def rollback(
    root: Root, number: int | None = None, wait: float = 0, check: Check = allow, failed: Collection[int] = ()
) -> tuple[Generation, Generation]:
    """Make a new generation with the content of `number` (None: that of `earlier_number`): (before, after).

    Works when the current manifest is unreadable. Raises GenerationNotFound, RootDamaged, LockHeld, MachineError.
    """
    with locked(root, wait, lenient=True) as locked_root:
        target = _target(root, number, failed)
        if reason := next(
            filter(None, (seal.first_damage(root.generation(target.number), r) for r in target.records.values())), None
        ):
            hint = "`hero-build history` lists other generations; `hero-build install` fetches the app again."
            raise RootDamaged(f"generation {target.number} is damaged: {reason}", hint)
        check(locked_root.generation, target)
        changes: list[Change] = [Drop(part) for part in locked_root.generation.records if part not in target.records]
        changes += [Restore(record, target.number) for record in target.records.values()]
        return commit(locked_root, changes, f"rollback to {target.number}", lock=target.lock)


def revert(
    root: Root, before: int, after: int, *, keep: Collection[str] = (), wait: float = 0
) -> tuple[Generation, Generation]:
    """Give the parts that generation `after` changed the content that they have in `before`, as a new generation. What
    another command changed since stays as it is, and so do the apps in `keep`. Raises RootDamaged, LockHeld,
    MachineError.
    """
    with locked(root, wait) as locked_root:
        old = Generation(0) if before == 0 else manifest.read(root.generation(before))
        new = manifest.read(root.generation(after))
        current = locked_root.generation.records
        changed = [part for part in {**old.records, **new.records} if old.records.get(part) != new.records.get(part)]
        changes: list[Change] = []
        changed = [part for part in changed if part.app not in keep and current.get(part) == new.records.get(part)]
        for part in changed:
            record = old.records.get(part)
            changes.append(Restore(record, before) if record else Drop(part))
        lock = old.lock if current == new.records and not keep else None
        return commit(locked_root, changes, f"roll back {after}: its services did not come up", lock=lock)


def restore_app(
    root: Root, app: str, number: int, *, wait: float = 0, check: Check = allow
) -> tuple[Generation, Generation]:
    """Give the programs of one app the content that they have in generation `number`; all else stays as it is.

    Raises NotFound where they are not in it, RootDamaged, LockHeld, MachineError.
    """
    with locked(root, wait) as locked_root:
        target = _target(root, number)
        record = target.records.get(PartId(app))
        if record is None:
            raise NotFound(f"generation {number} has no {app}", "`hero-build history` lists the generations.")
        if reason := seal.first_damage(root.generation(number), record):
            hint = f"`hero-build install {app} --version TAG` fetches another version."
            raise RootDamaged(f"generation {number} is damaged: {reason}", hint)
        check(locked_root.generation, replace(target, records={record.id: record}))
        return commit(locked_root, [Restore(record, number)], f"roll back {app} to {record.origin.version}")


def uninstall(root: Root, apps: Sequence[str], wait: float = 0) -> tuple[Generation, Generation]:
    """Remove apps with all their parts: (before, after). Raises NotFound when one is not installed."""
    with locked(root, wait) as locked_root:
        installed = {part.app for part in locked_root.generation.records}
        if missing := [app for app in apps if app not in installed]:
            hint = f"Installed are: {', '.join(sorted(installed)) or 'none'}."
            raise NotFound(f"{', '.join(missing)} {noun(len(missing), 'is', 'are')} not installed", hint)
        return uninstall_locked(locked_root, apps)


def uninstall_locked(locked_root: LockedRoot, apps: Sequence[str]) -> tuple[Generation, Generation]:
    """Remove those of these apps that are installed, with all their parts: (before, after). Raises MachineError."""
    changes = [Drop(part) for part in locked_root.generation.records if part.app in apps]
    return commit(locked_root, changes, f"uninstall {' '.join(apps)}")


def _read(root: Root, number: int) -> Generation | Unreadable:
    try:
        return manifest.read(root.generation(number))
    except (RootDamaged, NotWritable) as error:
        return Unreadable(number, error)


def earlier_number(root: Root, failed: Collection[int] = ()) -> int:
    """That of the newest generation before the current one; 0 is the empty root, -1: there is none.

    Where that one is in `failed` (its services did not come up, and it was undone), the newest that is not, and that
    has another content than the current one.
    """
    current = current_number(root)
    earlier = [n for n in generation_numbers(root) if n < current or not current]
    if earlier and earlier[-1] in failed:
        content = _content(root, current)
        earlier = [n for n in earlier if n not in failed and _content(root, n) != content]
        return max(earlier, default=-1)
    return max(earlier, default=0 if current == 1 else -1)


def _content(root: Root, number: int) -> object:
    """What a generation installs; None: its manifest cannot be read."""
    read = _read(root, number)
    return None if isinstance(read, Unreadable) else read.records


def _target(root: Root, number: int | None, failed: Collection[int] = ()) -> Generation:
    current = current_number(root)
    existing = generation_numbers(root)
    number = earlier_number(root, failed) if number is None else number
    if number == 0:
        return Generation(0)
    if number not in existing:
        sentence = f"generation {number} does not exist" if number > 0 else _none_earlier(existing, failed)
        others = [str(n) for n in existing if n != current]
        choice = f"{'one of ' if len(others) > 1 else ''}{', '.join(others)}, or " if others else ""
        hint = f"Choose {choice}0 for the empty root." if existing else "`hero-build install APP` makes the first."
        raise GenerationNotFound(f"{sentence} in {root.path}", hint)
    return manifest.read(root.generation(number))


def _none_earlier(existing: Sequence[int], failed: Collection[int]) -> str:
    """Why there is nothing to restore."""
    undone = [str(number) for number in existing if number in failed]
    if not undone:
        return "no earlier generation exists"
    return f"no earlier generation exists but {', '.join(undone)}, whose services did not come up,"
