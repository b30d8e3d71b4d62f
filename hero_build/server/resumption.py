"""An upgrade or an adoption that was killed is finished or undone without a further command: when the server starts,
and when the process of an operation ended without saying how. A worker does it before any other work (worker.py).
"""

import asyncio
from contextlib import suppress

from msgspec import Struct

from hero_build.errors import HeroBuildError
from hero_build.install.layout import Root
from hero_build.server.call import Call
from hero_build.server.operations import Operations
from hero_build.services.adoption_journal import interrupted_adoption
from hero_build.services.upgrade_journal import interrupted_upgrade

RESUME = "resume"


class ResumeParams(Struct, frozen=True):
    """None: the journals say what there is to do."""


def resumed(params: ResumeParams, call: Call) -> None:
    """Nothing is left to do for the handler of RESUME, which no client can call."""


async def resume_interrupted(root: Root, operations: Operations) -> None:
    """Until it is cancelled. What waits for the machine is tried again by the next change."""
    while True:
        if app := await asyncio.to_thread(_interrupted_app, root):
            with suppress(HeroBuildError):
                await operations.run(RESUME, app, ResumeParams())
        operations.crashed.clear()  # also by this one, which would end in the same way again
        await operations.crashed.wait()


def _interrupted_app(root: Root) -> str:
    """An app of what was interrupted; empty if nothing was, or it cannot be read now."""
    with suppress(HeroBuildError):
        if root.has_journal and (upgrade := interrupted_upgrade(root)) is not None:
            return next(iter(upgrade.apps), "")
        if root.has_journal and (adoption := interrupted_adoption(root)) is not None:
            return adoption.app
    return ""
