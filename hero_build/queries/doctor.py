"""`doctor`: does this machine have what hero-build needs, and is its root sound? Changes nothing, prints no token."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hero_build.catalog import Catalog
from hero_build.errors import AuthError, HeroBuildError, MachineError, NotFound, RecipeError
from hero_build.queries.checkup import Check, kept_generations, machine, place, programs, webassembly
from hero_build.queries.explain import ExplainedSetting, settings_of
from hero_build.queries.latest import latest_release
from hero_build.source.place import locate
from hero_build.tools import Tools


@dataclass(frozen=True, slots=True)
class Health:
    checks: tuple[Check, ...]
    settings: tuple[ExplainedSetting, ...]

    @property
    def missing(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.state == "missing")

    @property
    def code(self) -> int:
        return MachineError.code if self.missing else 0


def doctor(tools: Tools, path: str, *, wasm: bool = False) -> Health:
    """`path`: the shell's $PATH. `wasm`: with the toolchain for bundles, tested if it never was."""
    broken = tuple(_broken(tools.catalog))
    checks = (
        *machine(),
        *place(tools.root, path),
        *kept_generations(tools.root),
        *_recipes(tools.catalog, broken),
        *_forge(tools, broken),
        *programs(path),
        *(webassembly(tools.settings.cache, _islands(tools)) if wasm else ()),
    )
    return Health(checks, tuple(settings_of(tools.settings)))


def _islands(tools: Tools) -> Path | None:
    """The checkout whose Cargo.lock says which wasm-bindgen is wanted, if it is there."""
    try:
        found = tools.catalog.get("hero_archipelagos")
    except HeroBuildError:
        return None
    folder = locate(tools.settings.coderoot, found.recipe.repo)
    return folder if (folder / "Cargo.lock").is_file() else None


@dataclass(frozen=True, slots=True)
class _Broken:
    app: str
    error: HeroBuildError


def _broken(catalog: Catalog) -> Iterator[_Broken]:
    for app in catalog.names():
        try:
            catalog.get(app)
        except RecipeError as error:
            yield _Broken(app, error)


def _recipes(catalog: Catalog, broken: tuple[_Broken, ...]) -> Iterator[Check]:
    count = len(catalog.files) - len(broken)
    replaced = [app for app, files in sorted(catalog.files.items()) if len(files) > 1]
    more = f"; replaced by an overlay: {', '.join(replaced)}" if replaced else ""
    yield Check("recipes", "recipes", "ok", f"{count} sound{more}")
    for item in broken:
        yield Check("recipes", item.app, "missing", item.error.message, item.error.hint)


def _forge(tools: Tools, broken: tuple[_Broken, ...]) -> Iterator[Check]:
    """One release is asked for: a bad token is refused even where the repository is public."""
    told = f"set, from the {tools.settings.source('token')}" if tools.settings.token else "not set"
    apps = [app for app in tools.catalog.names() if app not in {item.app for item in broken}]
    url = tools.forge.url
    if not apps:
        yield Check("forge", "forge", "warning", f"{url} was not asked: there is no recipe to ask for")
        return
    try:
        latest_release(apps[0], tools)
    except NotFound:
        pass  # it answered, and it let us in
    except AuthError as error:
        yield Check("forge", "forge", "ok", f"{url} answers")
        yield Check("forge", "token", "missing", f"{told}, and refused", error.hint)
        return
    except HeroBuildError as error:
        yield Check("forge", "forge", "missing", error.message, error.hint)
        yield Check("forge", "token", "ok", told)
        return
    yield Check("forge", "forge", "ok", f"{url} answers")
    yield Check("forge", "token", "ok", f"{told}, and accepted" if tools.settings.token else told)
