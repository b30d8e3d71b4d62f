"""The page of `uninstall`: each service had its line as it stopped; this is the sum, and how to undo it."""

from collections.abc import Iterator

from msgspec.structs import replace

from hero_build.output.pages.install import page as changes_page
from hero_build.output.phrases import name_list
from hero_build.output.table import paragraph
from hero_build.output.terminal import Terminal
from hero_build.queries.uninstall_report import UninstallReport


def page(answer: UninstallReport, terminal: Terminal) -> Iterator[str]:
    stopped = [item.service for item in answer.services if item.result == "stopped"]
    if stopped:
        yield from paragraph(f"stopped: {name_list(stopped)}", terminal)
    apps = dict.fromkeys(item.app for item in answer.services if item.service in stopped)
    start = terminal.command(f"start {' '.join(apps)}")
    undo = f"{answer.undo}, then {start}" if answer.undo and apps else answer.undo
    yield from changes_page(replace(answer, undo=undo), terminal)
