"""The page of `publish`."""

from collections.abc import Iterator

from hero_build.output.paper import Paper
from hero_build.output.text import clean, plural
from hero_build.publish.publication import Published
from hero_build.queries.released import Released


def page(answer: Released, paper: Paper) -> Iterator[str]:
    for release in answer.releases:
        if paper.verbose:
            yield from _names(release, paper)
        yield paper.ink(_sentence(release), "bold")
    if not answer.releases:
        yield paper.ink("nothing was published", "bold")


def _names(release: Published, paper: Paper) -> Iterator[str]:
    for verb, names in (("uploaded", release.uploaded), ("kept", release.kept), ("removed", release.removed)):
        for name in names:
            yield f"  {paper.ink(verb, 'dim')} {clean(name)}"


def _sentence(release: Published) -> str:
    what = f"{clean(release.repo)} {clean(release.tag)}"
    where = clean(release.url)
    if not release.changed:
        return (
            f"nothing to do: {what} is {_state(release)} as it should be, {plural(len(release.kept), 'asset')}: {where}"
        )
    counts = [f"{len(release.uploaded)} uploaded"]
    counts += [f"{len(release.kept)} kept"] if release.kept else []
    counts += [f"{len(release.removed)} removed"] if release.removed else []
    return f"{what} {_state(release)}, {', '.join(counts)}: {where}"


def _state(release: Published) -> str:
    return "published" if release.state == "published" else "a draft"
