"""What a command works with: the settings of this run, its console, and the engine's context when needed."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hero_build.cli.app_names import INSTALLED
from hero_build.errors import UsageError
from hero_build.install.layout import Root
from hero_build.output.console import Console
from hero_build.settings import Settings

if TYPE_CHECKING:
    from hero_build.catalog.loader import Catalog
    from hero_build.context import Context
    from hero_build.events import Emit
    from hero_build.forge.protocol import Forge
    from hero_build.model.failure import Failure
    from hero_build.model.installed import Generation
    from hero_build.ops.install import Plan
    from hero_build.services.journal import Argument
    from hero_build.services.journaled import JournaledCommand
    from hero_build.services.service_run import ServiceRun
    from hero_build.source.git.checkouts import CheckoutUse
    from hero_build.supervisors.protocol import Supervisor


class Session(Struct, frozen=True):
    """One run. `root_flag` is the value of --root, for the commands that the output suggests."""

    settings: Settings
    console: Console
    root_flag: str | None

    @property
    def root(self) -> Root:
        return Root(self.settings.root)

    def catalog(self) -> "Catalog":
        from hero_build.catalog.loader import load

        return load(self.settings.recipes)

    def generation(self) -> "Generation":
        """The current generation. Raises RootDamaged."""
        from hero_build import manifest

        return manifest.load(self.settings.root)

    def apps(self, catalog: "Catalog", names: Sequence[str]) -> tuple[str, ...]:
        """The apps of `names`, sets and @installed expanded, each once. Raises AppNotFound, UsageError, RootDamaged."""
        if INSTALLED in names:
            from hero_build.queries.apps import by_app

            installed = [app for app in by_app(self.generation()) if app in catalog.files]
            names = [app for name in names for app in (installed if name == INSTALLED else (name,))]
        return catalog.expand(names)

    def without_held(self, apps: Sequence[str], named: Collection[str]) -> tuple[str, ...]:
        """`apps` without those that are held and installed, unless `named`; warns of them. Raises RootDamaged."""
        from hero_build.install.holds import held_apps
        from hero_build.queries.holds import held_warning, split_held

        held = held_apps(self.root)
        if not held:
            return tuple(apps)
        rest, stay = split_held(apps, held=held, named=named, generation=self.generation())
        if stay:
            self.console.report(held_warning(stay))
        return rest

    def expand(self, catalog: "Catalog", names: Sequence[str], *, with_needs: bool) -> tuple[str, ...]:
        """The apps of `names`, sets expanded; warns of unmet needs. Raises AppNotFound, UsageError."""
        from hero_build.queries import needs

        if not names:
            raise UsageError("no app is named", "`hero-build list` shows them; @SET names a set, @all every app.")
        apps = self.apps(catalog, names)
        if with_needs:
            apps = needs.with_needs(apps, catalog)
        installed = {part.app for part in self.generation().records}
        for warning in needs.unmet(apps, installed, catalog):
            self.console.report(warning)
        return apps

    def finish_interrupted_upgrade(self) -> None:
        """Finish or undo an upgrade or an adoption whose command was killed, before anything else is changed."""
        if self.root.has_journal:
            from hero_build.ops.resume_upgrade import resume

            resume(self.root, lambda: self.context(use="change"), self.console.report)

    def supervisor(self) -> "Supervisor":
        """The one that runs the services of this root."""
        from hero_build.services.open_run import supervisor_of

        return supervisor_of(self.settings)

    def service_run(self, emit: "Emit | None" = None) -> "ServiceRun":
        """What commands that start, stop or look at services need. Raises RootDamaged, RecipeError."""
        from hero_build.services.open_run import open_run

        return open_run(self.settings, self.catalog(), emit or self.console.report)

    def record(
        self,
        method: str,
        changed: Collection[str],
        *,
        failed: "Collection[Failure]" = (),
        generations: tuple[int, int] | None = None,
        **arguments: "Argument",
    ) -> None:
        """Write what was done to these apps to their journal of operations. Without one that changed or failed, nothing
        is recorded.
        """
        if changed or failed:
            from hero_build.services.journaled import journaled

            with journaled(self.root, method, **arguments) as operations:
                operations.end(sorted(set(changed)), failed=failed, generations=generations)

    @contextmanager
    def journaled(
        self, method: str, names: Sequence[str], run: "ServiceRun", **arguments: bool
    ) -> "Iterator[tuple[JournaledCommand, ServiceRun]]":
        """Around what changes the services of `names`, in the journal of each app: with a run that records it.

        Raises AppNotFound, UsageError.
        """
        from hero_build.services.journaled import journaled
        from hero_build.services.targets import expand

        targets = expand(names, run.site)
        apps = [target.app for target in targets]
        parts = {target.app: target.name for target in targets if apps.count(target.app) == 1}
        with journaled(self.root, method, **arguments) as operations:
            operations.expect(sorted(set(apps)), parts)
            yield operations, replace(run, site=replace(run.site, emit=operations.watch(run.site.emit)))

    def warn_of_lost_capabilities(self, before: "Generation", after: "Generation") -> None:
        """Warn of programs that a change from `before` to `after` left without their file capabilities."""
        if after.number in (before.number, 1):
            return  # nothing changed, or nothing was there
        from hero_build.install.capabilities import warnings

        for warning in warnings(self.root, before, after):
            self.console.report(warning)

    def warn_of_no_way_back(self, plan: "Plan", context: "Context") -> bool:
        """Warn of apps that no rollback can take back after this plan; whether there are any."""
        from hero_build.model.decisions import Keep

        if all(isinstance(item, Keep) for item in plan.decisions):
            return False
        from hero_build.ops.way_back import one_way_changes

        crossings = one_way_changes(plan.decisions, self.generation(), context.catalog)
        for crossing in crossings:
            self.console.report(crossing.warning())
        return bool(crossings)

    def context(self, forge: "Forge | None" = None, *, use: "CheckoutUse" = "read") -> "Context":
        """The context over `forge` (None: that of the settings); `use`: of checkouts."""
        from hero_build.context import open_context

        return open_context(self.settings, self.console.report, forge, use=use)
