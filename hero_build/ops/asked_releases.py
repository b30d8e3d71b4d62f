"""What a receipt (noop_cache.py) keeps of a server that was asked for releases: its address, the answers' digests."""

import os

from hero_build.context import Context
from hero_build.ops.install import Plan


def release_fields(plan: Plan, context: Context) -> list[str] | None:
    """The fields of the receipt of a plan whose releases were asked for.

    None: the answers do not decide alone, as for a mirror, where a proxy may stand between, or where an app has no
    release or one of files that are elsewhere.
    """
    forge = context.forge
    if not forge.url.startswith(("http://", "https://")):
        return None
    from hero_build.forge.forgejo import Forgejo

    if not isinstance(forge, Forgejo) or any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    fields = []
    for step in plan.steps:
        asked = forge.asked(step.facts.release) if step.facts.release else None
        if asked is None:
            return None
        fields.append(f"@{asked.digest} {asked.target}")
    server, jobs = forge.server, context.settings.jobs
    trust = "trusted" if server.may_send_token else "untrusted"
    return [f"!{server.scheme} {server.host} {server.port} {server.netloc} {trust} {jobs}", *dict.fromkeys(fields)]
