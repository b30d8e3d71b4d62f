"""What a build of an app would be: its tree, the programs or bundles in it, and all that the result depends on."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog.checkout_set import binaries_of_checkout, with_listed_features
from hero_build.catalog.loader import LoadedRecipe, recipe_errors
from hero_build.catalog.recipe_facts import RecipeFacts
from hero_build.context import Context
from hero_build.errors import BuildError, CheckoutRefused, RecipeError
from hero_build.model.artifacts import Artifact, Binary, BundleKind, Cargo, Platform, WasmBundle
from hero_build.model.steps import BuildPlan, CargoJob, Request, Tree
from hero_build.platforms import machine_arch
from hero_build.recipe import Recipe
from hero_build.source.git import paths
from hero_build.source.git.ensure import CheckoutRequest
from hero_build.source.own_locks import writable_locks
from hero_build.verify.expect import host_glibc

if TYPE_CHECKING:
    from hero_build.source.git.paths import Checkout
    from hero_build.source.wasm.types import Crate


class PlannedBuild(Struct, frozen=True):
    """A build plan, the artifacts that it makes, and who lists them."""

    build_plan: BuildPlan
    artifacts: tuple[Artifact, ...]
    listed_by: str


def plan_build(recipe: RecipeFacts, request: Request, context: Context) -> PlannedBuild | None:
    """None where no checkout exists and none may be made.

    Raises NotFound, ForgeError, MachineError, LockHeld, UnsafeName, InvalidServiceManifest, RecipeError, and BuildError
    where a repo has several workspaces and not one of them has a program.
    """
    require_build_tools()
    planner = _Planner(recipe.loaded, request, context)
    trees = planner.trees()
    if trees is None:
        return None
    tree, *siblings = trees
    return planner.programs(tree, siblings) if request.phase == "install" else planner.bundles(tree, siblings)


def require_build_tools() -> None:
    """Before anything is cloned. Raises MissingTool."""
    from hero_build.source.cargo import toolchain
    from hero_build.system import process

    env = toolchain.environment()
    for program in ("git", "cargo"):
        process.find(program, env)


def checkout_request(loaded: LoadedRecipe, request: Request) -> CheckoutRequest:
    """What the app's own checkout is to be brought to. Raises RecipeError, UnsafeName."""
    with recipe_errors(loaded.path):
        tag = loaded.recipe.tag(request.version) if request.version else None
    ref = f"refs/tags/{paths.check_ref(tag)}" if tag else request.ref
    return CheckoutRequest(ref, loaded.recipe.branch, request.update)


def build_platform() -> Platform:
    """What cargo builds for where nothing else is said: this machine. Raises Unsupported."""
    return Platform(machine_arch(), "gnu" if host_glibc() else "musl")


def crates_of(loaded: LoadedRecipe, context: Context) -> "tuple[Crate, ...]":
    """The crates of a checkout that become bundles. Raises CheckoutRefused, BuildError, MissingTool, RecipeError."""
    from hero_build.source.cargo import build
    from hero_build.source.cargo.workspaces import folder_of_bundles
    from hero_build.source.wasm import plan

    checkout = paths.checkout(context.settings.coderoot, loaded.recipe.repo, context.settings.forge)
    tree = context.checkouts.tree(checkout, CheckoutRequest())
    if tree is None:
        raise CheckoutRefused(f"{loaded.recipe.repo} has no checkout at {checkout.path}", "Clone it there.")
    job = CargoJob(tree, _cargo(loaded), ())
    return plan.crates(replace(job, workspaces=folder_of_bundles(job, build.environment(job), context.settings.cache)))


class _Planner(Struct, frozen=True):
    loaded: LoadedRecipe
    request: Request
    context: Context

    def trees(self) -> tuple[Tree, ...] | None:
        """The app's checkout and those of its siblings, brought to what was asked; None where one is missing."""
        settings, recipe = self.context.settings, self.loaded.recipe
        checkout = paths.checkout(settings.coderoot, recipe.repo, settings.forge)
        trees = [self.context.checkouts.tree(checkout, checkout_request(self.loaded, self.request))]
        trees += [self._sibling(checkout, repo) for repo in recipe.siblings]
        present = tuple(tree for tree in trees if tree is not None)
        return present if len(present) == len(trees) else None

    def programs(self, tree: Tree, siblings: Sequence[Tree]) -> PlannedBuild:
        binaries, listed_by = self._binaries(tree.path)
        recipe_app = self.loaded.app if _has_own_build(self.loaded) else ""
        cargo = with_listed_features(self.loaded, _cargo(self.loaded), tree.path)
        job = CargoJob(tree, cargo, tuple(item.name for item in binaries), recipe_app=recipe_app)
        job = _in_workspaces(job, self._workspaces(job))
        return PlannedBuild(self._with_last(self._build_plan(job, siblings)), binaries, listed_by)

    def bundles(self, tree: Tree, siblings: Sequence[Tree]) -> PlannedBuild:
        """The toolchain is checked first: without it nothing can be done."""
        from hero_build.source.cargo import build
        from hero_build.source.cargo.workspaces import folder_of_bundles
        from hero_build.source.wasm import plan

        request, cache = self.request, self.context.settings.cache
        names = request.names or tuple(item.name for item in self.loaded.recipe.bundles)
        job = CargoJob(tree, _cargo(self.loaded), names, backend=request.backend, optimise=request.optimise)
        job = _in_workspaces(job, folder_of_bundles(job, build.environment(job), cache=cache, cancelled=self._stopped))
        toolchain = plan.check_toolchain(job, cache, request.backend)
        build_plan = self._build_plan(job, siblings)
        names = plan.bundle_names(job, build_plan.fingerprint, cache)
        tools = tuple((tool.name, tool.version) for tool in toolchain)
        build_plan = replace(build_plan, job=replace(job, programs=names, tools=tools))
        fingerprint = plan.with_bundle_tools(build_plan.fingerprint, toolchain, job)
        kind: BundleKind = "shell" if request.phase == "shell" else "island"
        bundles = tuple(WasmBundle(name, kind) for name in names)
        build_plan = self._with_last(replace(build_plan, fingerprint=fingerprint))
        return PlannedBuild(build_plan, bundles, f"the workspace {job.folder}")

    def _stopped(self) -> bool:
        return self.context.checkouts.stopped

    def _sibling(self, checkout: "Checkout", repo: str) -> Tree | None:
        sibling = paths.sibling(checkout, repo, self.context.settings.forge)
        return self.context.checkouts.tree(sibling, CheckoutRequest(update=self.request.update))

    def _binaries(self, tree: Path) -> tuple[tuple[Binary, ...], str]:
        if self.loaded.recipe.binaries:
            return self.loaded.recipe.binaries, "the recipe"
        return binaries_of_checkout(self.loaded, tree, lambda: self._programs(tree))

    def _programs(self, tree: Path) -> str:
        """The programs that the checkout has, for an error."""
        from hero_build.source.cargo import toolchain
        from hero_build.source.cargo.workspaces import Workspaces

        return Workspaces(tree, _cargo(self.loaded), toolchain.environment()).describe()

    def _workspaces(self, job: CargoJob) -> tuple[str, ...]:
        """The workspaces that have the programs; a recipe's own build may make some without cargo."""
        from hero_build.source.cargo import build
        from hero_build.source.cargo.workspaces import folders_of_programs

        cache = self.context.settings.cache
        try:
            return folders_of_programs(job, build.environment(job), cache=cache, cancelled=self._stopped)
        except BuildError:
            if job.recipe_app:
                return ()
            raise

    def _with_last(self, build_plan: BuildPlan) -> BuildPlan:
        from hero_build.source import recorded_build

        last = recorded_build.recall(build_plan.job, build_plan.fingerprint, self.context.settings.cache)
        return replace(build_plan, job=replace(build_plan.job, rerun=last.rerun), last=last)

    def _build_plan(self, job: CargoJob, siblings: Sequence[Tree]) -> BuildPlan:
        from hero_build.source.cargo import toolchain
        from hero_build.source.fingerprint import fingerprint

        inputs = fingerprint(
            job,
            recipe=(self.loaded.path, *self.loaded.shared),
            siblings=siblings,
            cache=self.context.settings.cache,
            cancelled=self._stopped,
        )
        return BuildPlan(job, inputs, toolchain.compiler_wrapper({**toolchain.environment(), **dict(job.cargo.env)}))


def _in_workspaces(job: CargoJob, names: tuple[str, ...]) -> CargoJob:
    job = replace(job, workspaces=names)
    return replace(job, writable_locks=writable_locks(job.tree.path, job.folders))


def _cargo(loaded: LoadedRecipe) -> Cargo:
    target = build_platform()
    with recipe_errors(loaded.path):
        cargo = loaded.recipe.cargo(target)
    folder = PurePosixPath(cargo.workspace)
    if folder.is_absolute() or ".." in folder.parts:
        sentence = f"the recipe of {loaded.app} names the workspace {cargo.workspace!r}, which is not in its checkout"
        raise RecipeError(sentence, f"Correct `cargo` in {loaded.path}: a folder, relative to the checkout.")
    return cargo


def _has_own_build(loaded: LoadedRecipe) -> bool:
    """Whether the recipe overrides `build`."""
    return type(loaded.recipe).build is not Recipe.build
