"""`doctor`: check the machine, the root, the recipes and the forge. Changes nothing, prints no token."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from hero_build.catalog.known_checkouts import known_checkouts
from hero_build.catalog.loader import Catalog
from hero_build.context import Context
from hero_build.errors import AuthError, HeroBuildError, MachineError, NotFound, RecipeError, UntrustedRecipe
from hero_build.model.artifacts import ISLANDS_APP
from hero_build.queries.doctor_checks import DoctorCheck, disk, kept_generations, machine, place, programs, webassembly
from hero_build.queries.doctor_owners import owners
from hero_build.queries.explain import ExplainedSetting, settings_of
from hero_build.queries.status import latest_release
from hero_build.queries.supervisor_report import supervisor_check
from hero_build.source.git.paths import locate


class DoctorReport(Struct, frozen=True):
    checks: tuple[DoctorCheck, ...]
    settings: tuple[ExplainedSetting, ...]

    @property
    def missing(self) -> tuple[DoctorCheck, ...]:
        return tuple(check for check in self.checks if check.state == "missing")

    @property
    def code(self) -> int:
        return MachineError.code if self.missing else 0


def doctor(context: Context, path: str, *, wasm: bool = False, publish: bool = False) -> DoctorReport:
    """`path`: $PATH of the shell. `wasm`: also check the WebAssembly toolchain; `publish`: what releases are built and
    published with.
    """
    broken = tuple(_broken(context.catalog))
    checks = (
        *machine(),
        *place(context.root, path),
        *owners(context.root),
        *kept_generations(context.root),
        *disk(
            context.root,
            context.settings.coderoot,
            checkouts=known_checkouts(context.catalog, context.settings.coderoot),
            cache=context.settings.cache,
        ),
        *_recipes(context.catalog, broken),
        *_forge(context, broken),
        supervisor_check(context.settings),
        *programs(path),
        *(webassembly(context.settings.cache, _islands(context)) if wasm else ()),
        *(_publishing(context, path) if publish else ()),
    )
    return DoctorReport(checks, tuple(settings_of(context.settings)))


def _publishing(context: Context, path: str) -> Iterator[DoctorCheck]:
    from hero_build.queries.doctor_publish import publishing

    return publishing(context.settings, path, Path.cwd())


def _islands(context: Context) -> Path | None:
    """The checkout whose Cargo.lock names the required wasm-bindgen, if it exists."""
    try:
        loaded = context.catalog.get(ISLANDS_APP)
    except HeroBuildError:
        return None
    folder = locate(context.settings.coderoot, loaded.recipe.repo)
    return folder if (folder / "Cargo.lock").is_file() else None


class BrokenRecipe(Struct, frozen=True):
    app: str
    error: HeroBuildError


def _broken(catalog: Catalog) -> Iterator[BrokenRecipe]:
    for app in catalog.names():
        try:
            catalog.get(app)
        except (RecipeError, UntrustedRecipe) as error:
            yield BrokenRecipe(app, error)


def _recipes(catalog: Catalog, broken: tuple[BrokenRecipe, ...]) -> Iterator[DoctorCheck]:
    count = len(catalog.files) - len(broken)
    replaced = [app for app, files in sorted(catalog.files.items()) if len(files) > 1]
    replacements = f"; replaced by an overlay: {', '.join(replaced)}" if replaced else ""
    yield DoctorCheck("recipes", name="recipes", state="ok", value=f"{count} valid{replacements}")
    for item in broken:
        yield DoctorCheck("recipes", name=item.app, state="missing", value=item.error.message, hint=item.error.hint)


def _forge(context: Context, broken: tuple[BrokenRecipe, ...]) -> Iterator[DoctorCheck]:
    """Ask for one release: a forge refuses an invalid token even for a public repository."""
    token = f"set, from the {context.settings.source('token')}" if context.settings.token else "not set"
    apps = [app for app in context.catalog.names() if app not in {item.app for item in broken}]
    url = context.forge.url
    if not apps:
        yield DoctorCheck("forge", name="forge", state="warning", value=f"{url} was not asked: no recipe is installed")
        return
    try:
        latest_release(apps[0], context)
    except NotFound:
        pass  # the forge answers and accepts the token
    except AuthError as error:
        yield DoctorCheck("forge", name="forge", state="ok", value=f"{url} answers")
        yield DoctorCheck("forge", name="token", state="missing", value=f"{token}, rejected", hint=error.hint)
        return
    except HeroBuildError as error:
        yield DoctorCheck("forge", name="forge", state="missing", value=error.message, hint=error.hint)
        yield DoctorCheck("forge", name="token", state="ok", value=token)
        return
    yield DoctorCheck("forge", name="forge", state="ok", value=f"{url} answers")
    yield DoctorCheck(
        "forge", name="token", state="ok", value=f"{token}, accepted" if context.settings.token else token
    )
