"""The answer of an install whose services had to be healthy after it."""

from msgspec.structs import replace

from hero_build.ops.gated_change import GatedOutcome
from hero_build.queries import change_report
from hero_build.queries.change_report import ChangeReport


def gated_report(gate: GatedOutcome, root_flag: str | None = None) -> ChangeReport:
    """`root_flag`: the --root that was typed, for the undo command; there is none after a rollback."""
    answer, judged = change_report.outcome(gate.outcome, root_flag), gate.judged
    restarts = judged.restarts
    touched = restarts.done or restarts.idle or restarts.failures
    answer = replace(answer, restart=change_report.report(restarts) if touched else None)
    evidence = str(judged.evidence) if judged.evidence else None
    if (rolled_back := judged.rolled_back) is None:
        return replace(answer, result="stopped" if judged.stopped else "done", evidence=evidence)
    return replace(
        answer,
        result="rolled_back",
        rollback=rolled_back.generation.number,
        healthy_again=rolled_back.healthy_again and not judged.stopped,
        evidence=evidence,
        undo=None,
    )
