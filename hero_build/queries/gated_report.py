"""The answer of an install whose services had to be healthy after it."""

from msgspec.structs import replace

from hero_build.ops.gated_change import GatedOutcome
from hero_build.queries import change_report
from hero_build.queries.change_report import ChangeReport


def gated_report(gate: GatedOutcome, root_flag: str | None = None) -> ChangeReport:
    """`root_flag`: the --root that was typed, for the undo command; there is none after a rollback."""
    answer = change_report.outcome(gate.outcome, root_flag)
    touched = gate.restarts.done or gate.restarts.idle or gate.restarts.failures
    answer = replace(answer, restart=change_report.report(gate.restarts) if touched else None)
    evidence = str(gate.evidence) if gate.evidence else None
    if gate.rolled_back is not None:
        return replace(answer, result="rolled_back", rollback=gate.rolled_back.number, evidence=evidence, undo=None)
    return replace(answer, result="stopped" if gate.stopped else "done", evidence=evidence)
