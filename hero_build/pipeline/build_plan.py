"""What a build of an app would be: its tree, the programs that the tree has for it, and all that they rest on."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog import service_toml
from hero_build.catalog.loader import LoadedRecipe, recipe_errors
from hero_build.context import Context
from hero_build.errors import CheckoutRefused
from hero_build.model.artifacts import Artifact, Binary, BundleKind, Cargo, Platform, WasmBundle
from hero_build.model.steps import BuildPlan, CargoJob, Request, Tree
from hero_build.platforms import machine_arch
from hero_build.recipe import Recipe
from hero_build.source.git import paths
from hero_build.source.git.ensure import CheckoutRequest
from hero_build.verify.expect import host_glibc

if TYPE_CHECKING:
    from hero_build.source.git.paths import Checkout
    from hero_build.source.wasm.types import Crate


class PlannedBuild(Struct, frozen=True):
    """A blueprint, with the artifacts that it makes and who tells of them."""

    build_plan: BuildPlan
    artifacts: tuple[Artifact, ...]
    by: str


def plan_build(loaded: LoadedRecipe, request: Request, context: Context) -> PlannedBuild | None:
    """None where no tree is there and none may be made.

    Raises NotFound, ForgeError, MachineError, LockHeld, UnsafeName, ServicesUnreadable, RecipeError.
    """
    require_build_tools()
    checkout = paths.checkout(context.settings.coderoot, loaded.recipe.repo, context.settings.forge)
    tree = context.checkouts.tree(checkout, checkout_request(loaded, request))
    siblings = tuple(_siblings(loaded, checkout=checkout, request=request, context=context))
    if tree is None or None in siblings:
        return None
    beside = tuple(sibling for sibling in siblings if sibling is not None)
    if request.phase != "install":
        return _bundles(loaded, tree=tree, siblings=beside, request=request, context=context)
    binaries, by = _program_set(loaded, tree.path)
    job = CargoJob(tree, _cargo(loaded), tuple(item.name for item in binaries), own=loaded.app if _own(loaded) else "")
    return PlannedBuild(_blueprint(loaded, job=job, siblings=beside, context=context), binaries, by)


def _bundles(
    loaded: LoadedRecipe, tree: Tree, siblings: Sequence[Tree], request: Request, context: Context
) -> PlannedBuild:
    """The toolchain is looked at first: without it nothing is to be done."""
    from hero_build.source.wasm import plan

    wanted = request.names or tuple(item.name for item in loaded.recipe.bundles)
    job = CargoJob(tree, _cargo(loaded), wanted, backend=request.backend, optimise=request.optimise)
    toolchain = plan.check_toolchain(job, context.settings.cache, request.backend)
    blueprint = _blueprint(loaded, job=job, siblings=siblings, context=context)
    names = plan.bundle_names(job, blueprint.fingerprint, context.settings.cache)
    blueprint = replace(blueprint, job=replace(job, programs=names))
    marked = plan.with_bundle_tools(blueprint.fingerprint, toolchain, job)
    kind: BundleKind = "shell" if request.phase == "shell" else "island"
    bundles = tuple(WasmBundle(name, kind) for name in names)
    return PlannedBuild(replace(blueprint, fingerprint=marked), bundles, f"the workspace {tree.path}")


def require_build_tools() -> None:
    """Before anything is cloned. Raises MissingTool."""
    from hero_build.source.cargo import toolchain
    from hero_build.system import process

    env = toolchain.environment()
    for program in ("git", "cargo"):
        process.find(program, env)


def checkout_request(loaded: LoadedRecipe, request: Request) -> CheckoutRequest:
    """Of the app's own checkout. Raises RecipeError, UnsafeName."""
    with recipe_errors(loaded.path):
        tag = loaded.recipe.tag(request.version) if request.version else None
    return CheckoutRequest(
        f"refs/tags/{paths.check_ref(tag)}" if tag else request.ref, loaded.recipe.branch, request.update
    )


def here() -> Platform:
    """What cargo builds for where nothing else is said: this machine. Raises Unsupported."""
    return Platform(machine_arch(), "gnu" if host_glibc() else "musl")


def _siblings(loaded: LoadedRecipe, checkout: "Checkout", request: Request, context: Context) -> Iterator[Tree | None]:
    for repo in loaded.recipe.siblings:
        beside = paths.sibling(checkout, repo, context.settings.forge)
        yield context.checkouts.tree(beside, CheckoutRequest(update=request.update))


def _program_set(loaded: LoadedRecipe, tree: Path) -> tuple[tuple[Binary, ...], str]:
    if loaded.recipe.binaries:
        return loaded.recipe.binaries, "the recipe"
    return service_toml.binaries_of_tree(loaded.app, tree), f"read from the service manifests in {tree}"


def _cargo(loaded: LoadedRecipe) -> Cargo:
    target = here()
    with recipe_errors(loaded.path):
        return loaded.recipe.cargo(target)


def _own(loaded: LoadedRecipe) -> bool:
    """Whether the recipe builds in a way of its own."""
    return type(loaded.recipe).build is not Recipe.build


def _blueprint(loaded: LoadedRecipe, job: CargoJob, siblings: Sequence[Tree], context: Context) -> BuildPlan:
    from hero_build.source.cargo import toolchain
    from hero_build.source.fingerprint import fingerprint

    made_of = (loaded.path, *loaded.shared)
    rests_on = fingerprint(
        job,
        recipe=made_of,
        siblings=siblings,
        cache=context.settings.cache,
        cancelled=lambda: context.checkouts.stopped,
    )
    return BuildPlan(job, rests_on, toolchain.compiler_wrapper({**toolchain.environment(), **dict(job.cargo.env)}))


def crates_of(loaded: LoadedRecipe, context: Context) -> "tuple[Crate, ...]":
    """The crates of a checkout that become bundles. Raises CheckoutRefused, BuildError, MissingTool, RecipeError."""
    from hero_build.source.wasm import plan

    checkout = paths.checkout(context.settings.coderoot, loaded.recipe.repo, context.settings.forge)
    tree = context.checkouts.tree(checkout, CheckoutRequest())
    if tree is None:
        raise CheckoutRefused(f"there is no checkout of {loaded.recipe.repo} at {checkout.path}", "Clone it there.")
    return plan.crates(CargoJob(tree, _cargo(loaded), ()))
