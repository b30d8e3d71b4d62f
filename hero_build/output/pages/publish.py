"""The page of `publish`."""

from collections.abc import Iterator

from hero_build.output.terminal import Terminal
from hero_build.output.text import clean, plural
from hero_build.publish.types import PublishResult
from hero_build.queries.publish_report import PublishReport


def page(answer: PublishReport, terminal: Terminal) -> Iterator[str]:
    for release in answer.releases:
        if terminal.verbose:
            yield from _names(release, terminal)
        yield terminal.ink(_sentence(release), "bold")
    if not answer.releases:
        yield terminal.ink("nothing was published", "bold")


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
