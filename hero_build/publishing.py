"""The story of the way out: plan with nothing installed, build, verify, pack, publish. Any failure publishes nothing.

resolve ─► decide ─► produce (build ─► verify) ─► pack ─► publish (draft ─► upload ─► prove ─► show)

What is built already is taken instead: take (─► verify) ─► pack ─► publish.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hero_build.blueprint import want
from hero_build.catalog import Found
from hero_build.decide import decide
from hero_build.errors import CheckoutRefused, HeroBuildError, ReleaseNotFound
from hero_build.forge.inbox import Inbox
from hero_build.model import Build, Failed, Ready, Request, Tree
from hero_build.names import check_tag
from hero_build.platforms import parse
from hero_build.produce import produce
from hero_build.publish.matrix import Job, expected
from hero_build.publish.protocol import Publisher
from hero_build.publish.publication import Parcel, Publication, Published
from hero_build.record import Generation, Phase
from hero_build.resolve import Disk, resolve
from hero_build.source import place
from hero_build.source.targets import aimed
from hero_build.taken import take
from hero_build.tools import Tools
from hero_build.wares import Packing, Wares, parcels


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built and how it is to be published. `ref`: what to build (None: the checkout as it is).

    `folder`: what has been built is there, and is taken from it.
    """

    publication: Publication
    jobs: tuple[Job, ...]
    ref: str | None = None
    allow_dirty: bool = False
    legacy_names: bool = False
    folder: Path | None = None


class NotBuilt(HeroBuildError):
    """`failed`: all that failed, of which this is the first; nothing was published."""

    def __init__(self, failed: Sequence[Failed]) -> None:
        first = failed[0].error
        super().__init__(first.message, first.hint)
        self.failed = tuple(failed)
        codes = {item.error.code for item in failed}
        self.code = codes.pop() if len(codes) == 1 else 1


def publish(order: Order, publisher: Publisher, tools: Tools) -> Published:
    """Build what the jobs name, and publish it. Raises NotBuilt, CheckoutRefused, what `taken.take` raises, and what
    the publisher raises; what it would refuse anyhow it refuses before anything is built.
    """
    publication = order.publication
    check_tag(publication.tag)
    publisher.ready(publication)
    found = tools.catalog.get(publication.app)
    with Inbox(tools.settings.cache / "publish") as inbox:
        wares = [_made(job, order, found, inbox, tools) for job in order.jobs]
        packing = Packing(found, publication.tag, publisher.url, inbox.scratch(), legacy_names=order.legacy_names)
        made: list[Parcel] = []
        for ware in wares:
            made += [item for item in parcels(ware, packing) if item not in made]  # all have the service.toml
        target = publication.target or wares[0].tree.commit
        return publisher.publish(replace(publication, parcels=tuple(made), target=target))


def finish(order: Order, publisher: Publisher, _tools: Tools) -> Published:
    """Prove the union that the jobs have left in the draft, and show it. Raises what the publisher raises."""
    check_tag(order.publication.tag)
    publisher.ready(order.publication)
    return publisher.finish(order.publication, expected(order.jobs))


def _made(job: Job, order: Order, found: Found, inbox: Inbox, tools: Tools) -> Wares:
    phase: Phase = "install" if job.platform else "islands" if found.recipe.islands else "shell"
    names = job.islands if phase == "islands" else ()
    request = Request(found.app, "source", ref=order.ref, phase=phase, names=names)
    if order.folder is None:
        return _built(job, request, order, found, inbox, tools)
    checkout = place.checkout(tools.settings.coderoot, found.recipe.repo, tools.settings.forge)
    tree = _clean(tools.checkouts.tree(checkout, want(found, request)), order)
    return Wares(job, tree, take(job, found, tree, order.folder, inbox))


def _built(job: Job, request: Request, order: Order, found: Found, inbox: Inbox, tools: Tools) -> Wares:
    facts = resolve(found.app, found, request, Disk(Generation(0), {}), tools)
    blueprint = facts.blueprint
    tree = _clean(blueprint.job.tree if blueprint else None, order)
    builds = [item for item in decide(request, facts) if isinstance(item, Build)]
    if job.platform:
        builds = [_aimed(item, job, tools) for item in builds]
    results = list(produce(builds, inbox, tools))
    if failed := [item for item in results if isinstance(item, Failed)]:
        raise NotBuilt(failed)
    made = tuple(artifact for item in results if isinstance(item, Ready) for artifact in item.artifacts)
    return Wares(job, tree, made, blueprint.fingerprint if blueprint else None)


def _clean(tree: Tree | None, order: Order) -> Tree:
    """Raises CheckoutRefused for one with changes, unless they are allowed."""
    if tree is None:
        raise ReleaseNotFound(f"there is no checkout of {order.publication.repo}", "Clone it.")
    if tree.dirty and not order.allow_dirty:
        hint = "Commit or stash them; with --allow-dirty the release says that it was built so."
        raise CheckoutRefused(f"{tree.path} has changes that are not committed", hint)
    return tree


def _aimed(item: Build, job: Job, tools: Tools) -> Build:
    if item.task is None:
        return item
    platform = parse(job.platform)
    aim = aimed(item.task.job, platform, tools.settings.cache)
    return replace(item, task=replace(item.task, job=aim, platform=platform))
