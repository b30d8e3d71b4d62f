"""Which installed bundles may stay as they are, if a build makes the same."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from hero_build.model.decisions import Build, Decision, Download, Facts, Reason
from hero_build.model.installed import Generation
from hero_build.model.steps import Restore

_NEW_INPUTS = (Reason.INPUTS_CHANGED, Reason.INPUTS_UNKNOWN)
"""Anything else asks for new files: what is damaged, or was asked for again, is made anew."""


def with_installed(facts: Facts, decisions: Sequence[Decision], current: Generation) -> Iterator[Download | Build]:
    """The downloads and builds among the decisions; a build of a bundle with the one that `current` has, intact."""
    for item in decisions:
        if isinstance(item, Build) and item.part.id.bundle is not None and item.reason in _NEW_INPUTS:
            yield _with_installed(item, facts, current)
        elif isinstance(item, Download | Build):
            yield item


def _with_installed(item: Build, facts: Facts, current: Generation) -> Build:
    installed = facts.installed.get(item.part.id)
    if installed is None or installed.damage or current.records.get(item.part.id) != installed.record:
        return item
    return replace(item, installed=Restore(installed.record, current.number))
