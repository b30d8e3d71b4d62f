"""The pages of `lock`, `mirror` and `pack`."""

import shlex
from collections.abc import Iterator, Sequence

from hero_build.model.installed import Phase
from hero_build.ops.write_lockfile import LockReport
from hero_build.ops.write_mirror import MirroredApp, MirrorReport
from hero_build.ops.write_pack import PackedApp, PackReport
from hero_build.output.phrases import closing
from hero_build.output.table import cell, table
from hero_build.output.terminal import Terminal
from hero_build.output.text import plural, short, size


def lock_page(answer: LockReport, terminal: Terminal) -> Iterator[str]:
    rows = [
        [
            cell(_name(app.name, app.phase), "bold"),
            cell(app.tag),
            cell(asset.name),
            cell(size(asset.size) if asset.size is not None else "size unknown"),
            cell(short(asset.sha256), "dim"),
        ]
        for app in answer.apps
        for asset in app.assets
    ]
    yield from table(rows, terminal)
    apps = plural(len({app.name for app in answer.apps}), "app")
    if answer.written:
        yield f"sha256 {answer.digest}"
        if answer.signature:
            yield f"signed: {answer.signature}"
        next_step = f"Install: {terminal.command('install')} --locked {shlex.quote(answer.file)}"
        yield from closing(f"{answer.file}: {apps} pinned for {answer.arch}", next_step, terminal)
    else:
        state = "is as it was" if answer.existed else "was not written"
        sentence = f"{answer.file} {state}: a lock file must contain every requested app"
        yield from closing(sentence, "", terminal)


def _name(app: str, phase: Phase) -> str:
    """An app, or its bundles."""
    return app if phase == "install" else f"{app} ({phase})"


def mirror_page(answer: MirrorReport, terminal: Terminal) -> Iterator[str]:
    yield from _copied(answer.apps, terminal)
    if answer.apps:
        app = answer.apps[0].name
        next_step = f"Install from it: {terminal.command(f'--forge {answer.url}')} install {app}"
        yield from closing(f"{plural(len(answer.apps), 'app')} mirrored", next_step, terminal)
    else:
        yield from closing("nothing was mirrored", "", terminal)


def _copied(apps: Sequence[MirroredApp | PackedApp], terminal: Terminal) -> Iterator[str]:
    """A line for each app whose files were copied."""
    rows = [
        [
            cell(app.name if isinstance(app, MirroredApp) else _name(app.name, app.phase), "bold"),
            cell(app.tag),
            cell(plural(app.files, "file")),
            cell(size(app.bytes)),
            cell(app.repo, "dim"),
        ]
        for app in apps
    ]
    yield from table(rows, terminal)


def pack_page(answer: PackReport, terminal: Terminal) -> Iterator[str]:
    yield from _copied(answer.apps, terminal)
    apps = plural(len({app.name for app in answer.apps}), "app")
    if answer.written:
        runs = "its own Python" if answer.standalone else f"Python {answer.python[0]} to {answer.python[-1]}"
        sentence = f"{answer.file}: {apps} packed for {answer.arch} and {runs}, {size(answer.size)}"
        yield from closing(sentence, f"Install there: sh {shlex.quote(answer.file)} install", terminal)
    else:
        yield from closing(f"{answer.file} was not written: a pack must contain every requested app", "", terminal)
