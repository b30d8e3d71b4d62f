"""What a build of an app would be: its tree, the programs that the tree has for it, and all that they rest on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hero_build import services
from hero_build.artifact import Artifact, Binary, BundleKind, Cargo, Platform, WasmBundle
from hero_build.catalog import Found, asking
from hero_build.errors import CheckoutRefused
from hero_build.model import Blueprint, Job, Request, Tree
from hero_build.recipe import Recipe
from hero_build.source import place
from hero_build.source.ensure import Want
from hero_build.tools import Tools, machine_arch
from hero_build.verify.expect import host_glibc

if TYPE_CHECKING:
    from hero_build.source.place import Checkout
    from hero_build.source.wasm.nouns import Crate


@dataclass(frozen=True, slots=True)
class Drawn:
    """A blueprint, with the artifacts that it makes and who tells of them."""

    blueprint: Blueprint
    artifacts: tuple[Artifact, ...]
    by: str


def draw(found: Found, request: Request, tools: Tools) -> Drawn | None:
    """None where no tree is there and none may be made.

    Raises NotFound, ForgeError, MachineError, LockHeld, UnsafeName, ServicesUnreadable, RecipeError.
    """
    tools_of_the_trade()
    checkout = place.checkout(tools.settings.coderoot, found.recipe.repo, tools.settings.forge)
    tree = tools.checkouts.tree(checkout, want(found, request))
    siblings = tuple(_siblings(found, checkout, request, tools))
    if tree is None or None in siblings:
        return None
    beside = tuple(sibling for sibling in siblings if sibling is not None)
    if request.phase != "install":
        return _bundles(found, tree, beside, request, tools)
    binaries, by = _told(found, tree.path)
    job = Job(tree, _cargo(found), tuple(item.name for item in binaries), own=found.app if _own(found) else "")
    return Drawn(_blueprint(found, job, beside, tools), binaries, by)


def _bundles(found: Found, tree: Tree, siblings: Sequence[Tree], request: Request, tools: Tools) -> Drawn:
    """The toolchain is looked at first: without it nothing is to be done."""
    from hero_build.source.wasm import outline

    wanted = request.names or tuple(item.name for item in found.recipe.bundles)
    job = Job(tree, _cargo(found), wanted, backend=request.backend, optimise=request.optimise)
    toolchain = outline.check(job, tools.settings.cache, request.backend)
    blueprint = _blueprint(found, job, siblings, tools)
    names = outline.names(job, blueprint.fingerprint, tools.settings.cache)
    blueprint = replace(blueprint, job=replace(job, programs=names))
    marked = outline.mark(blueprint.fingerprint, toolchain, job)
    kind: BundleKind = "shell" if request.phase == "shell" else "island"
    bundles = tuple(WasmBundle(name, kind) for name in names)
    return Drawn(replace(blueprint, fingerprint=marked), bundles, f"the workspace {tree.path}")


def tools_of_the_trade() -> None:
    """Before anything is cloned. Raises MissingTool."""
    from hero_build import process
    from hero_build.source import toolchain

    env = toolchain.environment()
    for program in ("git", "cargo"):
        process.find(program, env)


def want(found: Found, request: Request) -> Want:
    """Of the app's own checkout. Raises RecipeError, UnsafeName."""
    with asking(found.path):
        tag = found.recipe.tag(request.version) if request.version else None
    return Want(f"refs/tags/{place.check_ref(tag)}" if tag else request.ref, found.recipe.branch, request.update)


def here() -> Platform:
    """What cargo builds for where nothing else is said: this machine. Raises Unsupported."""
    return Platform(machine_arch(), "gnu" if host_glibc() else "musl")


def _siblings(found: Found, checkout: "Checkout", request: Request, tools: Tools) -> Iterator[Tree | None]:
    for repo in found.recipe.siblings:
        beside = place.sibling(checkout, repo, tools.settings.forge)
        yield tools.checkouts.tree(beside, Want(update=request.update))


def _told(found: Found, tree: Path) -> tuple[tuple[Binary, ...], str]:
    if found.recipe.binaries:
        return found.recipe.binaries, "the recipe"
    return services.told_by_tree(found.app, tree), f"read from the service manifests in {tree}"


def _cargo(found: Found) -> Cargo:
    target = here()
    with asking(found.path):
        return found.recipe.cargo(target)


def _own(found: Found) -> bool:
    """Whether the recipe builds in a way of its own."""
    return type(found.recipe).build is not Recipe.build


def _blueprint(found: Found, job: Job, siblings: Sequence[Tree], tools: Tools) -> Blueprint:
    from hero_build.source import toolchain
    from hero_build.source.fingerprint import fingerprint

    made_of = (found.path, *found.shared)
    rests_on = fingerprint(job, made_of, siblings, tools.settings.cache, lambda: tools.checkouts.stopped)
    return Blueprint(job, rests_on, toolchain.wrapper({**toolchain.environment(), **dict(job.cargo.env)}))


def crates_of(found: Found, tools: Tools) -> "tuple[Crate, ...]":
    """The crates of a checkout that become bundles. Raises CheckoutRefused, BuildError, MissingTool, RecipeError."""
    from hero_build.source.wasm import outline

    checkout = place.checkout(tools.settings.coderoot, found.recipe.repo, tools.settings.forge)
    tree = tools.checkouts.tree(checkout, Want())
    if tree is None:
        raise CheckoutRefused(f"there is no checkout of {found.recipe.repo} at {checkout.path}", "Clone it there.")
    return outline.crates(Job(tree, _cargo(found), ()))
