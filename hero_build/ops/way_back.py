"""Versions below which an app cannot go back, since newer ones have changed its data: `compatible_from` in a recipe.

Rolling back programs does not roll back a database. Compared are the tags of releases; a build has none.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from hero_build.catalog.loader import Catalog
from hero_build.errors import HeroBuildError, NoWayBack
from hero_build.events import WarningRaised
from hero_build.model.decisions import Build, Download, Facts
from hero_build.model.installed import Generation, InstalledPart, PartId
from hero_build.model.steps import Request
from hero_build.model.versions import is_below


class Crossing(Struct, frozen=True):
    """A change of an app from a version on one side of `bound`, its recipe's compatible_from, to one on the other."""

    app: str
    older: str
    newer: str
    bound: str

    def warning(self) -> WarningRaised:
        """Before the change to the newer version."""
        sentence = (
            f"{self.app} {self.newer} changes its data: there is no way back below {self.bound}, not by a rollback"
        )
        hint = "Save its data first. If its services do not come up after an `upgrade`, they are stopped, and it stays."
        return WarningRaised(sentence, hint)

    def refusal(self) -> NoWayBack:
        sentence = (
            f"{self.app} {self.older} cannot read the data of {self.newer}: there is no way back below {self.bound}"
        )
        hint = f"Restore its data of that time first; then `hero-build install {self.app}@{self.older}` installs it."
        return NoWayBack(sentence, hint)


def refuse_downgrade(request: Request, facts: Facts, decisions: Iterable[object], bound: str) -> None:
    """Raises NoWayBack for a release from before `bound` that nobody named, in place of one from after it."""
    installed = facts.installed.get(PartId(facts.app))
    if request.version is not None or installed is None or not any(isinstance(item, Download) for item in decisions):
        return
    older = facts.release.tag if facts.release else None
    if crossing := _crossing(facts.app, older=older, newer=installed.record.origin.tag, bound=bound):
        raise crossing.refusal()


def require_way_back(before: Generation, after: Generation, catalog: Catalog) -> None:
    """Raises NoWayBack where the version of an app in `after` cannot read the data of the one in `before`."""
    for app, record in _programs(after).items():
        current = before.records.get(PartId(app))
        newer, bound = current.origin.tag if current else None, _bound(app, catalog)
        if crossing := _crossing(app, older=record.origin.tag, newer=newer, bound=bound):
            raise crossing.refusal()


def one_way_changes(decisions: Iterable[object], before: Generation, catalog: Catalog) -> tuple[Crossing, ...]:
    """The changes of a plan that cannot be rolled back."""
    found = []
    for item in decisions:
        if isinstance(item, Download | Build) and (current := before.records.get(item.part.id)):
            newer = item.origin.tag if isinstance(item, Download) else item.task.origin.tag if item.task else None
            app = item.part.id.app
            found.append(_crossing(app, older=current.origin.tag, newer=newer, bound=_bound(app, catalog)))
    return tuple(item for item in found if item)


def _programs(generation: Generation) -> Mapping[str, InstalledPart]:
    return {part.app: record for part, record in generation.records.items() if part.bundle is None}


def _bound(app: str, catalog: Catalog) -> str:
    """Empty also where the recipe is gone or broken: it blocks nothing then."""
    try:
        return catalog.get(app).recipe.compatible_from
    except HeroBuildError:
        return ""


def _crossing(app: str, *, older: str | None, newer: str | None, bound: str) -> Crossing | None:
    """The crossing, if the two versions are on two sides of the bound."""
    if not (bound and older and newer) or not (is_below(older, bound) and is_below(newer, bound) is False):
        return None
    return Crossing(app, older=older, newer=newer, bound=bound)
