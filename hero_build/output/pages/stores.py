"""The pages of `gc`, `lock` and `mirror`."""

from collections.abc import Iterator
from dataclasses import dataclass

from hero_build.install.gc import Collected
from hero_build.mirroring import Mirrored
from hero_build.output.pages.words import closing
from hero_build.output.paper import Paper
from hero_build.output.table import cell, paragraph, table
from hero_build.output.text import plural, short, size
from hero_build.pinning import Pinnings


@dataclass(frozen=True, slots=True)
class Gone:
    """What gc took away, or would: the answer of `gc`."""

    generations: tuple[int, ...]
    bytes: int
    dry_run: bool


def gone(answer: Gone, paper: Paper) -> Iterator[str]:
    numbers = ", ".join(map(str, answer.generations))
    what = f"generations {numbers}" if numbers else "no generation"
    verb = "would go" if answer.dry_run else "gone"
    yield from paragraph(f"{verb}: {what}; {size(answer.bytes)} {'to free' if answer.dry_run else 'freed'}", paper)


def collected(result: Collected, *, dry_run: bool) -> Gone:
    return Gone(result.generations, result.bytes, dry_run)


def pinnings(answer: Pinnings, paper: Paper) -> Iterator[str]:
    rows = [
        [
            cell(app.name, "bold"),
            cell(app.tag),
            cell(asset.name),
            cell(size(asset.size or 0)),
            cell(short(asset.sha256), "dim"),
        ]
        for app in answer.apps
        for asset in app.assets
    ]
    yield from table(rows, paper)
    apps = plural(len(answer.apps), "app")
    if answer.written:
        next_step = f"Install: hero-build install --locked {answer.file}"
        yield from closing(f"{answer.file}: {apps} pinned for {answer.arch}", next_step, paper)
    else:
        words = f"{answer.file} was not written: a lock file holds every app that was asked for, or is not there"
        yield from closing(words, "", paper)


def mirrored(answer: Mirrored, paper: Paper) -> Iterator[str]:
    rows = [
        [
            cell(app.name, "bold"),
            cell(app.tag),
            cell(plural(app.files, "file")),
            cell(size(app.bytes)),
            cell(app.repo, "dim"),
        ]
        for app in answer.apps
    ]
    yield from table(rows, paper)
    if answer.apps:
        next_step = f"Install from it: hero-build --forge {answer.url} install APP"
        yield from closing(f"{plural(len(answer.apps), 'app')} mirrored", next_step, paper)
    else:
        yield from closing("nothing was mirrored", "", paper)
