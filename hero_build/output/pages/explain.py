"""The page of `explain`: facts, then the decision, then why."""

from collections.abc import Iterator

from hero_build.output.phrases import note, when
from hero_build.output.table import Cell, cell, paragraph, table
from hero_build.output.terminal import Ink, Terminal
from hero_build.output.text import clean, plural, short, size
from hero_build.queries.explain import ExplainedArtifact, ExplainedBuild, Explanation

_INK: dict[str, Ink] = {"keep": "green", "download": "green", "build": "yellow", "remove": "yellow"}


def page(answer: Explanation, terminal: Terminal) -> Iterator[str]:
    what = "islands" if answer.request.phase == "islands" else f"install {clean(answer.name)}"
    yield terminal.ink(f"{what}{_flags(answer)}", "bold")
    yield from table([[cell(label, "dim"), value] for label, value in _facts(answer)], terminal, indent=2)
    if answer.artifacts and not answer.build:
        yield terminal.ink("artifacts", "dim")
        yield from table([_artifact(item) for item in answer.artifacts], terminal, indent=2)
    shown = [item for item in answer.settings if terminal.verbose or item.source != "default"]
    if shown:
        yield terminal.ink("settings", "dim")
        yield from table([[cell(s.name), cell(s.source, "dim"), cell(s.value)] for s in shown], terminal, indent=2)
    for item in answer.decisions:
        version = f" {item.version}" if item.version else ""
        words = f"{item.part}: {item.decision}{version}, because {item.why}"
        yield from paragraph(words, terminal, indent="  ", ink=("bold", _INK[item.decision]))
    if answer.trouble:
        yield from note(
            "error",
            text=f"{what.split()[0]} would fail: {answer.trouble.message}",
            hint=answer.trouble.hint,
            terminal=terminal,
        )


def _flags(answer: Explanation) -> str:
    wanted = answer.request
    words = [f"--mode {wanted.mode}"]
    words += [f"--version {clean(wanted.version)}"] if wanted.version else []
    words += [f"--ref {clean(wanted.ref)}"] if wanted.ref else []
    words += ["--update"] if wanted.update else []
    words += ["--reset"] if wanted.reset else []
    words += ["--checksum required"] if wanted.checksum == "required" else []
    return "".join(f" {word}" for word in words)


def _facts(answer: Explanation) -> Iterator[tuple[str, Cell]]:
    yield "recipe", cell(answer.recipe)
    for path in answer.shadows:
        yield "", cell(f"in place of {path}", "yellow")
    yield "repo", cell(answer.repo)
    yield "forge", cell(answer.forge)
    if answer.platform:
        yield "platform", cell(answer.platform)
        yield "release", _release(answer)
    yield from _build(answer.build) if answer.build else ()
    if answer.set_from not in (None, "the recipe"):
        yield "islands" if answer.request.phase == "islands" else "binaries", cell(answer.set_from)
    for part in answer.installed:
        yield "installed", cell(f"{part.part} {part.version}, {part.used}: {part.why}")
        yield from (("", cell(sentence, "red")) for sentence in part.damage)
    if not answer.installed:
        yield "installed", cell("no")


def _build(build: ExplainedBuild) -> Iterator[tuple[str, Cell]]:
    branch = f" of {build.ref}" if build.ref else ""
    yield "checkout", cell(f"{build.checkout}, commit {build.commit[:12]}{branch}")
    if build.dirty:
        yield "", cell("with changes that are not committed", "yellow")
    if build.wrapper:
        yield "", cell(f"compiled through {build.wrapper}")
    if build.changed is not None:
        yield (
            "changed",
            cell(", ".join(build.changed) or "nothing since the last build", "yellow" if build.changed else "dim"),
        )
    for name, word in build.fingerprint.items():
        yield "rests on" if name == "commit" else "", cell(f"{name} {word}", "dim")


def _release(answer: Explanation) -> Cell:
    if answer.release is None:
        return cell("none was looked at, or there is none", "yellow")
    made = f", {when(answer.release.created)}" if answer.release.created else ""
    return cell(f"{answer.release.tag}{made}, {plural(len(answer.release.assets), 'asset')}")


def _artifact(item: ExplainedArtifact) -> list[Cell]:
    if item.asset is None:
        wanted = f"no asset {' or '.join(item.looked_for)}" if item.looked_for else "nothing offers it"
        return [cell(item.name), cell(item.kind or item.artifact), cell(wanted, "red")]
    legacy = " (the name from before the rename)" if item.legacy else ""
    return [
        cell(item.name),
        cell(item.kind or item.artifact),
        cell(f"{item.asset}{legacy}, {size(item.size) if item.size is not None else 'size not told'}, {_sum(item)}"),
    ]


def _sum(item: ExplainedArtifact) -> str:
    return f"sha256 {short(item.sha256)} from {item.checksum}" if item.sha256 else "no checksum is published"
