"""The page of `show`."""

from collections.abc import Iterator

from hero_build.forge.build_record import BuildRecord
from hero_build.output.phrases import minute
from hero_build.output.table import Cell, cell, table
from hero_build.output.terminal import Terminal
from hero_build.output.text import clean, plural, short, size
from hero_build.queries.show import AppDetails, ShownBinary


def page(answer: AppDetails, terminal: Terminal) -> Iterator[str]:
    about = f": {clean(answer.about)}" if answer.about else ""
    yield terminal.ink(clean(answer.name), "bold") + about
    yield from table([[cell(label, "dim"), value] for label, value in _facts(answer, terminal)], terminal, indent=2)
    if terminal.verbose and answer.latest:
        rows = [
            [cell(item.name), cell(size(item.size) if item.size is not None else "")] for item in answer.latest.assets
        ]
        yield terminal.ink(f"assets of {clean(answer.latest.tag)}", "dim")
        yield from table(rows, terminal, indent=2)


def _facts(answer: AppDetails, terminal: Terminal) -> Iterator[tuple[str, Cell]]:
    yield "repo", cell(answer.repo)
    yield "recipe", cell(answer.recipe)
    for path in answer.shadows:
        yield "", cell(f"replaces {path}", "yellow")
    if answer.refuses:
        yield "refused", cell(answer.refuses, "yellow")
        return
    yield "platform", cell(answer.platform)
    for index, binary in enumerate(answer.binaries):
        yield "" if index else "binaries", cell(_binary(binary))
    if answer.set_from != "the recipe":
        label = "islands" if answer.bundles and not answer.binaries else "binaries"
        yield "" if answer.binaries else label, cell(answer.set_from, *(() if answer.binaries else ("yellow",)))
    lists = {
        "libraries": answer.libraries,
        "bundles": answer.bundles,
        "needs": answer.needs,
        "excludes": answer.excludes,
        "restarts": answer.restarts,
        "siblings": answer.siblings,
        "sets": answer.sets,
    }
    yield from ((label, cell(", ".join(names))) for label, names in lists.items() if names)
    yield "installed", _installed(answer, terminal)
    yield "release" if answer.version else "latest", _latest(answer)
    for build in answer.builds:
        yield from _build(build)


def _build(build: BuildRecord) -> Iterator[tuple[str, Cell]]:
    dirty = ", with uncommitted changes" if build.dirty else ""
    yield f"built for {build.what}", cell(f"from commit {build.commit}{dirty}", *(("yellow",) if build.dirty else ()))
    yield "", cell(f"{build.toolchain}, Cargo.lock {short(build.lock) or 'none'}, {build.tool}", "dim")
    where = ", ".join(text for text in (build.runner.name, build.runner.url, build.runner.system) if text)
    yield "", cell(f"{plural(len(build.made), 'file')} on {where}", "dim")


def _binary(binary: ShownBinary) -> str:
    notes: list[str] = ["started by another program" if binary.install_only else binary.kind]
    if binary.formerly:
        notes.append(f"formerly {binary.formerly}")
    return f"{binary.name} ({', '.join(notes)})"


def _installed(answer: AppDetails, terminal: Terminal) -> Cell:
    app = answer.installed
    if app.state == "absent":
        return cell(f"no: {terminal.command(f'install {answer.name}')}", "dim")
    running = "".join(f", {item.binary} runs{' (old)' if item.state == 'old' else ''}" for item in app.processes)
    return cell(f"{app.version}, {app.used}, {app.state}{running}", "green" if app.state == "intact" else "red")


def _latest(answer: AppDetails) -> Cell:
    if answer.latest is None:
        return cell(f"unknown: {answer.trouble.message if answer.trouble else 'not asked'}", "yellow")
    date = f", {minute(answer.latest.created)}" if answer.latest.created else ""
    newer = not answer.version and answer.installed.version not in (None, answer.latest.tag)
    text = f"{answer.latest.tag}{date}, {plural(len(answer.latest.assets), 'asset')}, at {answer.latest.forge}"
    return cell(text, *(("yellow",) if newer else ()))
