"""The pages of `gc`, `lock` and `mirror`."""

from collections.abc import Iterator

from msgspec import Struct

from hero_build.install.gc import GcReport
from hero_build.ops.write_lockfile import LockReport
from hero_build.ops.write_mirror import MirrorReport
from hero_build.output.phrases import closing
from hero_build.output.table import cell, paragraph, table
from hero_build.output.terminal import Terminal
from hero_build.output.text import plural, short, size


class Gone(Struct, frozen=True):
    """What gc took away, or would: the answer of `gc`."""

    generations: tuple[int, ...]
    bytes: int
    dry_run: bool


def gone(answer: Gone, terminal: Terminal) -> Iterator[str]:
    numbers = ", ".join(map(str, answer.generations))
    what = f"generations {numbers}" if numbers else "no generation"
    verb = "would go" if answer.dry_run else "gone"
    yield from paragraph(f"{verb}: {what}; {size(answer.bytes)} {'to free' if answer.dry_run else 'freed'}", terminal)


def collected(result: GcReport, *, dry_run: bool) -> Gone:
    return Gone(result.generations, result.bytes, dry_run)


def pinnings(answer: LockReport, terminal: Terminal) -> Iterator[str]:
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
    yield from table(rows, terminal)
    apps = plural(len(answer.apps), "app")
    if answer.written:
        next_step = f"Install: hero-build install --locked {answer.file}"
        yield from closing(f"{answer.file}: {apps} pinned for {answer.arch}", next_step, terminal)
    else:
        words = f"{answer.file} was not written: a lock file holds every app that was asked for, or is not there"
        yield from closing(words, "", terminal)


def mirrored(answer: MirrorReport, terminal: Terminal) -> Iterator[str]:
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
    yield from table(rows, terminal)
    if answer.apps:
        next_step = f"Install from it: hero-build --forge {answer.url} install APP"
        yield from closing(f"{plural(len(answer.apps), 'app')} mirrored", next_step, terminal)
    else:
        yield from closing("nothing was mirrored", "", terminal)
