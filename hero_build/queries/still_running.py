"""Programs that run on after a change that removed their files."""

from collections.abc import Iterator

from hero_build.events import WarningRaised
from hero_build.install.layout import Root
from hero_build.model.installed import Generation
from hero_build.services.processes import running_programs
from hero_build.services.records import recorded_services


def still_running(root: Root, before: Generation, after: Generation) -> Iterator[WarningRaised]:
    """One warning for each, with how it is stopped."""
    removed = {part: record for part, record in before.records.items() if part not in after.records}
    apps = {entry.name: part.app for part, record in removed.items() for entry in record.entries}
    if not apps:
        return
    started = {record.binary: record.app for record in recorded_services(root)}
    for program in running_programs(root):
        if program.binary in apps:
            name = f"{program.binary} (process {program.pid})"
            if program.binary in started:
                stop = f"`hero-build delete {started[program.binary]}` stops it."
                yield WarningRaised(f"{name} runs on, and is not installed any more", stop)
            else:
                sentence = f"{name} runs on: it was not started by `hero-build start`"
                yield WarningRaised(sentence, "Stop it where it was started.")
