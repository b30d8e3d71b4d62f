"""`verify`: check every installed byte and link against the manifest. Repairs nothing."""

from collections.abc import Sequence

from msgspec import Struct

from hero_build.catalog.loader import Catalog
from hero_build.errors import VerificationError
from hero_build.install import links, seal, snapshot
from hero_build.install.layout import Root
from hero_build.install.recover import needs_recovery
from hero_build.install.root_lock import is_locked
from hero_build.model.failure import Failure
from hero_build.model.installed import Generation, InstalledPart, PartId
from hero_build.model.steps import Installed
from hero_build.queries.apps import by_app, present, version
from hero_build.queries.change_report import ChangeReport
from hero_build.queries.compare_release import ReleaseComparison


class CheckedApp(Struct, frozen=True):
    """`bytes` is the amount read and hashed; `damage` has a sentence for each difference from the manifest."""

    name: str
    version: str | None
    files: int
    bytes: int
    damage: tuple[str, ...]


class VerifyReport(Struct, frozen=True):
    """`stray`: what belongs to no app, such as leftovers of interrupted work; the next change removes it.

    `repair`: the changes of --repair, before this check; `against`: the comparison of --against-release.
    """

    root: str
    generation: int
    apps: tuple[CheckedApp, ...]
    stray: tuple[str, ...]
    repair: ChangeReport | None = None
    against: ReleaseComparison | None = None

    @property
    def damaged(self) -> tuple[str, ...]:
        return tuple(app.name for app in self.apps if app.damage)

    @property
    def failed(self) -> tuple[Failure, ...]:
        return (*(self.repair.failed if self.repair else ()), *(self.against.failed if self.against else ()))

    @property
    def code(self) -> int:
        differing = self.against.differing if self.against else ()
        codes = {VerificationError.code} if self.damaged or differing else set()
        codes |= {item.exit for item in self.against.failed} if self.against else set()
        return codes.pop() if len(codes) == 1 else min(len(codes), 1)


def verify(root: Root, catalog: Catalog, names: Sequence[str]) -> VerifyReport:
    """Verify `names`, sets expanded, or all installed apps. Raises AppNotFound, NotFound, RootDamaged."""
    return snapshot.examine(
        root,
        lambda generation: _verify(root, catalog=catalog, names=names, generation=generation),
        lambda report: bool(report.damaged or report.stray),
    )


def _verify(root: Root, catalog: Catalog, names: Sequence[str], generation: Generation) -> VerifyReport:
    installed = by_app(generation)
    apps = present(names, installed, catalog) if names else tuple(installed)
    on_disk = seal.rehash(root, generation, [record.id for app in apps for record in installed[app]])
    stray = () if names else tuple(_stray(root, generation))
    return VerifyReport(
        str(root.path),
        generation=generation.number,
        apps=tuple(_app(a, installed[a], on_disk) for a in apps),
        stray=stray,
    )


def _app(name: str, records: tuple[InstalledPart, ...], on_disk: dict[PartId, Installed]) -> CheckedApp:
    files = [file for record in records for entry in record.entries for file in entry.files]
    damage = tuple(sentence for record in records for sentence in on_disk[record.id].damage)
    return CheckedApp(
        name, version=version(records), files=len(files), bytes=sum(file.size for file in files), damage=damage
    )


def _stray(root: Root, generation: Generation) -> list[str]:
    """What belongs to no app. While a command changes the root, its unfinished work is not a leftover."""
    if not _leftovers(root, generation) or is_locked(root):
        return []
    return _leftovers(root, generation)  # those before may have been of a command that has ended since


def _leftovers(root: Root, generation: Generation) -> list[str]:
    owned = links.owned(generation.records)
    strays = [f"{name} is a link into this root that no app owns" for name in sorted(links.unowned(root, owned))]
    return [*strays, *(["an interrupted command left something behind"] if needs_recovery(root) else [])]
