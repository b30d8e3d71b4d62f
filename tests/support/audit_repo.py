"""A repository whose checkout and release agree with its recipe, for tests of `audit`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import mirrors, worlds
from support.worlds import World

RECIPE = '''"""duo: a test app."""

from hero_build.recipe import Cargo, Recipe, admin, cli, install_only, server, web


class Duo(Recipe):
    repo = "o/duo"
    binaries = (
        server("duo_server"),
        admin("duo_admin", formerly="duo_ui"),
        install_only("child"),
        cli("duo"),
    )
'''
KINDS = {"duo_server": "server", "duo_admin": "admin", "child": "server", "duo": "cli"}


@dataclass
class Repo:
    """A checkout and a release of `o/duo`, which agree with its recipe until a test spoils one of them."""

    world: World
    kinds: dict[str, str] = field(default_factory=lambda: dict(KINDS))
    crates: dict[str, str] = field(default_factory=lambda: dict.fromkeys(KINDS, ""))
    assets: list[str] = field(default_factory=lambda: list(KINDS))
    recipe: str = RECIPE

    @property
    def folder(self) -> Path:
        return self.world.folder / "code" / "o" / "duo"

    def write(self) -> None:
        (self.folder / "src").mkdir(parents=True)
        (self.folder / "src" / "main.rs").write_text("fn main() {}\n")
        self.manifest("service.toml", self.kinds)
        bins = "".join(f'[[bin]]\nname = "{name}"\npath = "src/main.rs"\n{more}' for name, more in self.crates.items())
        package = '[package]\nname = "duo_crate"\nversion = "0.1.0"\nedition = "2021"\nautobins = false\n'
        (self.folder / "Cargo.toml").write_text(f"{package}[features]\nfull = []\ndefault = []\n{bins}[workspace]\n")
        (self.world.recipes / "duo.py").write_text(self.recipe)
        mirrors.release(
            self.world.mirror, app="duo", tag="v1", files={mirrors.asset(name): b"x" for name in self.assets}
        )

    def manifest(self, path: str, kinds: Mapping[str, str]) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        tables = (f'[[binaries]]\nname = "{name}"\nkind = "{kind}"\n' for name, kind in kinds.items())
        (self.folder / path).write_text("".join(tables))

    def audit(self, *words: str, env: Mapping[str, str] | None = None) -> worlds.Done:
        code = {"CODEROOT": str(self.world.folder / "code"), **(env or {})}
        return self.world.run("audit", *(words or ("duo",)), env=code)

    def document(self, *words: str) -> Any:
        return worlds.valid(self.audit(*(words or ("duo",)), "--json").document)
