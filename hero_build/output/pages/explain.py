"""The page of `explain`: the facts, then the decision with its reason."""

from collections.abc import Iterator

from hero_build.output.phrases import message_lines, minute
from hero_build.output.table import Cell, cell, paragraph, table
from hero_build.output.terminal import Ink, Terminal
from hero_build.output.text import clean, plural, short, size
from hero_build.queries.explain import ExplainedArtifact, ExplainedBuild, ExplainedRelease, Explanation

_INK: dict[str, Ink] = {"keep": "green", "download": "green", "build": "yellow", "remove": "yellow"}

_DECIDED_BY = {
    "inputs": "all that the last build read, which is recorded: cargo is not started",
    "cargo": "cargo, because not all that the last build read is recorded",
    "recipe": "the recipe's own build, which runs again: what it reads is not known",
}


def page(answer: Explanation, terminal: Terminal) -> Iterator[str]:
    command = "islands" if answer.request.phase == "islands" else f"install {clean(answer.name)}"
    yield terminal.ink(f"{command}{_flags(answer)}", "bold")
    yield from table([[cell(label, "dim"), value] for label, value in _facts(answer)], terminal, indent=2)
    if any(item.asset or item.looked_for for item in answer.artifacts) and (answer.release or not answer.build):
        yield terminal.ink("artifacts", "dim")
        complete = all(item.asset for item in answer.artifacts)  # checksums are read only then
        yield from table([_artifact(item, checksums=complete) for item in answer.artifacts], terminal, indent=2)
    shown = [item for item in answer.settings if terminal.verbose or item.source != "default"]
    if shown:
        yield terminal.ink("settings", "dim")
        yield from table([[cell(s.name), cell(s.source, "dim"), cell(s.value)] for s in shown], terminal, indent=2)
    for item in answer.decisions:
        version = f" {item.version}" if item.version else ""
        sentence = f"{item.part}: {item.decision}{version}, because {item.why}"
        yield from paragraph(sentence, terminal, indent="  ", ink=("bold", _INK[item.decision]))
    if answer.trouble:
        yield from message_lines(
            "error",
            text=f"{command.split()[0]} would fail: {answer.trouble.message}",
            hint=answer.trouble.hint,
            terminal=terminal,
        )


def _flags(answer: Explanation) -> str:
    request = answer.request
    flags = [f"--mode {request.mode}"]
    flags += [f"--version {clean(request.version)}"] if request.version else []
    flags += [f"--ref {clean(request.ref)}"] if request.ref else []
    flags += ["--update"] if request.update else []
    flags += ["--reset"] if request.reset else []
    flags += ["--checksum required"] if request.checksum == "required" else []
    return "".join(f" {flag}" for flag in flags)


def _facts(answer: Explanation) -> Iterator[tuple[str, Cell]]:
    yield "recipe", cell(answer.recipe)
    for path in answer.shadows:
        yield "", cell(f"replaces {path}", "yellow")
    yield "repo", cell(answer.repo)
    yield "forge", cell(answer.forge)
    if answer.platform:
        yield "platform", cell(answer.platform)
    if answer.release:
        yield "release", _release(answer.release)
    elif answer.no_release:
        yield "release", cell(answer.no_release, "yellow")
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
        yield "", cell("with uncommitted changes", "yellow")
    if build.wrapper:
        yield "", cell(f"compiled through {build.wrapper}")
    if build.changed is not None:
        yield (
            "changed",
            cell(", ".join(build.changed) or "nothing since the last build", "yellow" if build.changed else "dim"),
        )
    if build.decided_by is not None:
        yield "decided by", cell(_DECIDED_BY[build.decided_by], "dim")
    for name, value in build.fingerprint.items():
        yield "depends on" if name == "commit" else "", cell(f"{name} {value}", "dim")


def _release(release: ExplainedRelease) -> Cell:
    date = f", {minute(release.created)}" if release.created else ""
    return cell(f"{release.tag}{date}, {plural(len(release.assets), 'asset')}")


def _artifact(item: ExplainedArtifact, *, checksums: bool) -> list[Cell]:
    if item.asset is None:
        missing = f"no asset {' or '.join(item.looked_for)}" if item.looked_for else "not in the release"
        return [cell(item.name), cell(item.kind or item.artifact), cell(missing, "red")]
    legacy = " (its former name)" if item.legacy else ""
    amount = size(item.size) if item.size is not None else "size unknown"
    checksum = f", {_checksum(item)}" if checksums else ""
    return [cell(item.name), cell(item.kind or item.artifact), cell(f"{item.asset}{legacy}, {amount}{checksum}")]


def _checksum(item: ExplainedArtifact) -> str:
    return f"sha256 {short(item.sha256)} from {item.checksum}" if item.sha256 else "no published checksum"
