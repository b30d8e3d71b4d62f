"""The page of `publish`."""

from collections.abc import Iterator

from hero_build.ops.publish_plan import PlannedJob
from hero_build.output.phrases import closing
from hero_build.output.table import Cell, cell, paragraph, table
from hero_build.output.terminal import Terminal
from hero_build.output.text import clean, plural
from hero_build.publish.types import PublishResult
from hero_build.queries.publish_report import PublishReport

_EXISTING = {"absent": "new", "draft": "continues its draft", "published": "is published already"}


def page(answer: PublishReport, terminal: Terminal) -> Iterator[str]:
    if answer.dry_run:
        yield from _dry_run(answer, terminal)
        return
    for release in answer.releases:
        if terminal.verbose:
            yield from _names(release, terminal)
        yield terminal.ink(_sentence(release), "bold")
    if not answer.releases:
        yield terminal.ink("nothing was published", "bold")


def _dry_run(answer: PublishReport, terminal: Terminal) -> Iterator[str]:
    for release in answer.planned:
        held = f", {plural(len(release.existing), 'asset')}" if release.existing else ""
        state = f"{_EXISTING[release.state]}{held}"
        yield from paragraph(f"{release.repo} {release.tag} at {release.forge}: {state}", terminal, ink=("bold",))
        yield from table([row for job in release.jobs for row in _rows(job)], terminal, indent=2)
    if not answer.planned:
        yield from closing("dry run: nothing would be published", "", terminal)
        return
    names = {name for release in answer.planned for job in release.jobs for name in job.assets}
    counts = f"{plural(len(answer.planned), 'release')}, {plural(len(names), 'asset')} and their checksums"
    yield from closing(f"dry run, nothing was built or uploaded: {counts}", "", terminal)


def _rows(job: PlannedJob) -> Iterator[list[Cell]]:
    head = [cell(job.what), cell(_built_from(job))]
    for number, name in enumerate(job.assets):
        yield [*([cell(""), cell("")] if number else head), cell(name)]


def _built_from(job: PlannedJob) -> str:
    if job.commit is None:
        return "to be cloned or switched"
    return f"{job.commit[:12]}{'+dirty' if job.dirty else ''}"


def _names(release: PublishResult, terminal: Terminal) -> Iterator[str]:
    for verb, names in (("uploaded", release.uploaded), ("kept", release.kept), ("removed", release.removed)):
        for name in names:
            yield f"  {terminal.ink(verb, 'dim')} {clean(name)}"


def _sentence(release: PublishResult) -> str:
    what = f"{clean(release.repo)} {clean(release.tag)}"
    where = clean(release.url)
    if not release.changed:
        return (
            f"nothing to do: {what} is {_state(release)} and up to date, {plural(len(release.kept), 'asset')}: {where}"
        )
    counts = [f"{len(release.uploaded)} uploaded"]
    counts += [f"{len(release.kept)} kept"] if release.kept else []
    counts += [f"{len(release.removed)} removed"] if release.removed else []
    return f"{what} {_state(release)}, {', '.join(counts)}: {where}"


def _state(release: PublishResult) -> str:
    return "published" if release.state == "published" else "a draft"
