"""The services of an installed app, as its recipe defines them, and the definitions that a supervisor gets."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from hero_build.catalog.loader import Catalog, LoadedRecipe, recipe_errors
from hero_build.errors import AppNotFound, MachineError, RecipeError, RootDamaged, UsageError
from hero_build.events import Emit
from hero_build.install.layout import Root
from hero_build.model.artifacts import Binary
from hero_build.model.installed import Generation, InstalledArtifact, Kind, PartId
from hero_build.model.services import Definition, Service, probe_sockets
from hero_build.os_errors import raise_for_machine
from hero_build.recipe import Recipe
from hero_build.services import containers
from hero_build.services.app_context import AppContext
from hero_build.services.environment import environment, file_variables

_INSTANCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_MAX_SOCKET = 107  # bytes of a path in sockaddr_un (unix(7)), which a service binds


class ServiceSite(Struct, frozen=True):
    """What the services of a root are defined from. `environ`: of this process, for credentials and settings."""

    root: Root
    sockets: Path
    generation: Generation
    catalog: Catalog
    environ: Mapping[str, str]
    emit: Emit


class AppServices(Struct, frozen=True):
    """An app, or an instance of it, with its services in start order."""

    app: str
    instance: str
    services: tuple[Service, ...]
    context: AppContext
    loaded: LoadedRecipe
    variables: Mapping[str, str]
    """What its environment files set."""

    @property
    def label(self) -> str:
        """`APP` or `APP:INSTANCE`, as a command takes it."""
        return f"{self.app}:{self.instance}" if self.instance else self.app

    def prepare(self) -> None:
        """Create the data folder, and let the recipe prepare its start. Raises RecipeError, MachineError."""
        data = self.context.data
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise_for_machine(error, data)
            raise MachineError(f"{data} cannot be created: {error.strerror}", "Move away what is there.") from error
        with recipe_errors(self.loaded.path):
            self.loaded.recipe.prepare(self.context)


def app_services(app: str, instance: str, site: ServiceSite, *, secrets: bool = True) -> AppServices:
    """The services of an installed app. `secrets` False: for a command that only looks.

    Raises AppNotFound, UsageError, RecipeError, MissingSecret.
    """
    loaded = load_recipe(app, site.catalog)
    check_instance(app, instance, loaded.recipe)
    variables = file_variables(site.root.path, app, site.emit)
    context = AppContext(
        app=app,
        instance=instance,
        programs=startable_programs(app, loaded.recipe, site.generation),
        needs=tuple(name for name in loaded.recipe.needs if PartId(name) in site.generation.records),
        root=site.root.path,
        sockets=site.sockets,
        variables=variables,
        environ=site.environ,
        secrets=secrets,
    )
    if not (PartId(app) in site.generation.records or loaded.recipe.refuses):
        raise AppNotFound(f"{app} is not installed", f"`hero-build install {app}` first.")
    with recipe_errors(loaded.path):
        services = loaded.recipe.services(context)
    _check(services, context, loaded)
    return AppServices(app, instance, services=services, context=context, loaded=loaded, variables=variables)


def load_recipe(app: str, catalog: Catalog) -> LoadedRecipe:
    """The recipe; the defaults for an app that is installed and has none any more. Raises RecipeError."""
    try:
        return catalog.get(app)
    except AppNotFound:
        return LoadedRecipe(app, recipe=Recipe(), path=Path(f"{app}.py"), shadows=())


def check_instance(app: str, instance: str, recipe: Recipe) -> None:
    """Raises UsageError."""
    if instance and not recipe.instances:
        raise UsageError(f"{app} has no instances", f"Name the app alone: {app}.")
    if instance and not _INSTANCE.fullmatch(instance):
        hint = "Use lower-case letters, digits, _ and -, at most 63."
        raise UsageError(f"{instance!r} cannot be the name of an instance", hint)


def startable_programs(app: str, recipe: Recipe, generation: Generation) -> tuple[Binary, ...]:
    """The installed programs that may be started, in the recipe's order, or servers first."""
    record = generation.records.get(PartId(app))
    entries = {entry.name: entry for entry in (record.entries if record else ()) if entry.startable}
    known = {binary.name: binary for binary in recipe.binaries}
    ranks = ("server", "web", "admin")
    names = [name for name in known if name in entries]
    others = (name for name in entries if name not in known)
    rest = sorted(others, key=lambda name: (ranks.index(_kind(entries[name])), name))
    return tuple(known.get(name) or Binary(name, _kind(entries[name])) for name in (*names, *rest))


def missing_program(service: Service, root: Root) -> Path | None:
    """The installed program of a service, if it cannot be started since it is gone."""
    if service.container:  # its engine starts it
        return None
    program = Path(service.command[0])
    return program if program.is_relative_to(root.path) and not os.access(program, os.X_OK) else None


def require_program(service: Service, root: Root) -> None:
    """Before what runs is stopped. Raises RootDamaged."""
    if program := missing_program(service, root):
        hint = f"`hero-build verify --repair {service.app}` restores it; what runs is left as it is."
        raise RootDamaged(f"{service.name} cannot be started: {program} is missing or not executable", hint)


def variables(services: AppServices, service: Service) -> tuple[tuple[str, str], ...]:
    """A service's whole environment, secrets included."""
    context = services.context
    return environment(service, root=context.root, sockets=context.sockets, files=services.variables)


def definition(service: Service, *, log: Path, env_file: Path) -> Definition:
    """What a supervisor runs. Raises MissingTool."""
    return Definition(
        name=service.name,
        command=containers.command(service, service.container) if service.container else service.command,
        env_file=env_file,
        folder=service.folder,
        log=log,
        sockets=tuple(path for probe in service.probes for path in probe_sockets(probe)),
        stop_signal=service.stop_signal,
        stop_timeout=service.stop_timeout,
        restart=service.restart,
        backoff=service.backoff,
        flap=service.flap,
        oneshot=service.oneshot,
    )


def check_sockets(service: Service) -> None:
    """A service cannot bind a socket whose path is too long. Raises MachineError."""
    for path in (probe_sockets(probe)[0] for probe in service.probes if probe_sockets(probe)):
        if (size := len(str(path).encode())) > _MAX_SOCKET:
            reason = f"{service.name} cannot bind {path}: its path has {size} bytes, and a socket's has {_MAX_SOCKET}"
            raise MachineError(reason, "Name a shorter folder: HERO_SOCKET_DIR, or `sockets` in cfg/hero_build.toml.")


def _kind(entry: InstalledArtifact) -> Kind:
    return entry.kind or "server"


def _check(services: object, context: AppContext, loaded: LoadedRecipe) -> None:
    """What a recipe returned may be anything. Raises RecipeError."""
    if not isinstance(services, tuple) or not all(isinstance(item, Service) for item in services):
        raise _wrong(loaded, "returns something else than a tuple of Service")
    programs = {binary.name for binary in context.programs}
    names = [item.name for item in services]
    for item in services:
        if item.app != context.app or item.instance != context.instance:
            raise _wrong(loaded, f"returns {item.name}, which is not of {context.app}")
        if not (item.container or item.binary in programs):
            raise _wrong(loaded, f"starts {item.binary}, which is not an installed server, admin or web")
        if not item.container and not (item.command and item.command[0].startswith("/")):
            raise _wrong(loaded, f"returns {item.name} without the path of a program")
        if names.count(item.name) > 1:
            raise _wrong(loaded, f"returns {item.name} twice")


def _wrong(loaded: LoadedRecipe, what: str) -> RecipeError:
    return RecipeError(f"services() of the recipe {loaded.path} {what}", "Correct it; docs/recipes.md shows one.")
