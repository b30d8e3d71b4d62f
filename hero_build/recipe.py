"""The one module a recipe imports: the base class, the constructors of its artifacts, and the rules for names.

    from hero_build.recipe import Recipe, admin, cli, server

    class HeroDb(Recipe):
        repo = "lhumina_code/hero_db"
        binaries = (server("hero_db_server"), admin("hero_db_admin", formerly="hero_db_ui"), cli("hero_db"))

The app's name is the module's name. A recipe declares artifacts and their names (docs/recipes.md); it has no part in
hashing, verification, staging and commit.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, NoReturn, Protocol

from hero_build.model.artifacts import (
    Artifact,
    Binary,
    Cargo,
    Libc,
    Library,
    Pinned,
    Platform,
    WasmBundle,
    kind_by_suffix,
)
from hero_build.model.artifacts import GenericPackage as Package
from hero_build.model.installed import Kind
from hero_build.model.services import Container, HttpProbe, PortProbe, Probe, Service, SocketProbe

__all__ = [
    "Artifact",
    "Binary",
    "BuildContext",
    "Cargo",
    "Container",
    "HttpProbe",
    "Kind",
    "Library",
    "Package",
    "Pinned",
    "Platform",
    "PortProbe",
    "Probe",
    "Recipe",
    "Service",
    "ServiceContext",
    "SocketProbe",
    "admin",
    "cli",
    "install_only",
    "library",
    "server",
    "shell",
    "web",
]


def server(name: str, *, formerly: str | None = None) -> Binary:
    """A daemon that serves."""
    return Binary(name, "server", formerly)


def admin(name: str, *, formerly: str | None = None) -> Binary:
    """A daemon with the pages for administrators."""
    return Binary(name, "admin", formerly)


def web(name: str, *, formerly: str | None = None) -> Binary:
    """A daemon with the pages for users."""
    return Binary(name, "web", formerly)


def cli(name: str, *, formerly: str | None = None) -> Binary:
    """A command: installed, never started."""
    return Binary(name, "cli", formerly)


def install_only(name: str, *, formerly: str | None = None) -> Binary:
    """A program that another one starts: hero-build never starts it, whatever kind its repo declares."""
    return Binary(name, "cli", formerly, install_only=True)


def library(name: str, *pins: Pinned) -> Library:
    """A shared library, `lib/<name>`: the same pinned file in every mode."""
    return Library(name, pins)


def shell(name: str) -> WasmBundle:
    """The desktop's shell, built from the library `name` and installed as `share/hero_os/shell`."""
    return WasmBundle(name, "shell")


class BuildContext(Protocol):
    """What a recipe's own `build` gets."""

    @property
    def tree(self) -> Path:
        """The checkout."""

    @property
    def lib(self) -> Path | None:
        """The folder with the recipe's libraries; None: it has none."""

    @property
    def programs(self) -> tuple[str, ...]:
        """The names of the binaries to build."""

    @property
    def usual(self) -> Cargo:
        """What the recipe's `cargo` returns."""

    def cargo(self, cargo: Cargo, *programs: str) -> Mapping[str, Path]:
        """Build these programs (none named: all of `programs`) with cargo: the path of each. Raises BuildError."""

    def run(self, *command: str, env: Mapping[str, str] | None = None) -> None:
        """Run a command in the checkout, with `env` added to its environment. Raises BuildError when it fails."""


class ServiceContext(Protocol):
    """What a recipe's `services` and `prepare` get: one app, or one instance of it, as it is installed here."""

    @property
    def app(self) -> str: ...

    @property
    def instance(self) -> str:
        """The instance's name; empty for the app itself."""

    @property
    def programs(self) -> tuple[Binary, ...]:
        """The installed binaries that may be started: servers, admins and webs, in the recipe's order."""

    @property
    def root(self) -> Path: ...

    @property
    def lib(self) -> Path:
        """The folder with the installed libraries."""

    @property
    def data(self) -> Path:
        """`<root>/var/<app>`, of an instance `<root>/var/<app>/<instance>`: it exists when `prepare` is called."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The apps of the recipe's `needs` that are installed."""

    def bin(self, name: str) -> Path:
        """The path of an installed program."""

    def socket(self, app: str, name: str = "rpc") -> Path:
        """`$HERO_SOCKET_DIR/<app>/<name>.sock`; of this app's instance `<app>/<instance>/<name>.sock`."""

    def socket_url(self, app: str, name: str = "rpc") -> str:
        """The same as a `unix://` URL."""

    def router_url(self, app: str, name: str = "web") -> str:
        """hero_router's address of the same socket, `$HERO_ROUTER_URL/<app>/<name>/`; empty where it is not set."""

    def secret(self, name: str) -> str:
        """The content of `<root>/cfg/secrets/<app>/<name>` (mode 0600), or of `$CREDENTIALS_DIRECTORY/<app>.<name>`.

        Raises MissingSecret. Pass it on in a Service's `secret_env` only.
        """

    def setting(self, name: str) -> str:
        """A variable of the app's environment files, else of the caller's environment; empty where it is not set."""

    def address(self) -> str:
        """This machine's address in the mycelium network; empty where it has none."""

    def refuse(self, reason: str, hint: str) -> NoReturn:
        """End the start with exit code 8: the machine lacks something. Raises MachineError."""


class Recipe:
    """What one repo publishes. Every attribute and method has a default, which an app's file overrides."""

    repo: ClassVar[str] = ""
    """`owner/name` on the forge."""
    branch: ClassVar[str | None] = None
    """What a fresh clone checks out; None: `development` where the repo has it, else its default."""
    refuses: ClassVar[str] = ""
    """Why hero-build cannot install it, as one sentence; empty: it can."""
    libc: ClassVar[Libc] = "musl"
    """Whose builds are downloaded: those for musl or for glibc."""
    binaries: ClassVar[tuple[Binary, ...]] = ()
    """Empty: the set is read from the repo's service manifests or from its release."""
    libraries: ClassVar[tuple[Library, ...]] = ()
    bundles: ClassVar[tuple[WasmBundle, ...]] = ()
    """The desktop's shell."""
    islands: ClassVar[bool] = False
    """Whether its workspace has islands: each cdylib becomes a bundle. A Cargo's `packages` restrict them."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Apps that this one needs at run time: a warning names the command when they are missing."""
    excludes: ClassVar[tuple[str, ...]] = ()
    """Apps that cannot run at the same time: they bind the same sockets."""
    restarts: ClassVar[tuple[str, ...]] = ()
    """Apps to restart when files of this one change."""
    compatible_from: ClassVar[str] = ""
    """The version below which there is no way back: its data is changed from then on. Empty: every version can."""
    instances: ClassVar[bool] = False
    """Whether several of it may run side by side: `hero-build start APP:NAME`."""
    siblings: ClassVar[tuple[str, ...]] = ()
    """Repos, `owner/name`, that a build expects beside its checkout, as `../name`."""

    def platform(self, arch: str) -> Platform:
        """The platform of the assets to download on a machine of `arch` (`amd64`, `arm64`)."""
        return Platform(arch, self.libc)

    def asset_name(self, artifact: Artifact, name: str, platform: Platform) -> str:
        """The name of an artifact's asset in a release; `name` is its own name, or the one from before a rename."""
        return f"{name}-wasm.tar.gz" if isinstance(artifact, WasmBundle) else f"{name}-{platform}"

    def kind(self, name: str) -> Kind:
        """The kind of a binary of a set that is read from a source that lists names only."""
        return kind_by_suffix(name)

    def tag(self, version: str) -> str:
        """The release tag of a version as a person types it."""
        return version

    def package(self, version: str | None) -> Package | None:
        """The generic package that has the files; None: they are assets of a release."""
        return None

    def health(self, app: str, binary: Binary) -> tuple[str, ...]:
        """Sockets below HERO_SOCKET_DIR at which a running `binary` may answer `GET /health`; all are optional.

        A binary from before a rename may still bind its old socket, and old releases bound flat names.
        """
        own = {"server": ("rpc",), "admin": ("admin", "ui"), "web": ("web",)}.get(binary.kind, ())
        names = (binary.name, *([binary.formerly] if binary.formerly else []))
        return (*(f"{app}/{name}.sock" for name in own), *(f"{name}.sock" for name in names))

    def cargo(self, platform: Platform) -> Cargo:
        """How cargo builds it for `platform`."""
        return Cargo()

    def build(self, ctx: BuildContext) -> Mapping[str, Path]:
        """Build `ctx.programs`: the path of each. Override it for what a Cargo cannot express; such an app is built
        alone, and its recipe decides which commands run."""
        return ctx.cargo(ctx.usual)

    def services(self, ctx: ServiceContext) -> tuple[Service, ...]:
        """How it runs: by default each startable program, in the app's data folder, healthy once its socket answers."""
        return tuple(self.service(ctx, binary) for binary in ctx.programs)

    def service(self, ctx: ServiceContext, binary: Binary) -> Service:
        """The usual service of a startable binary."""
        return Service(
            app=ctx.app,
            binary=binary.name,
            instance=ctx.instance,
            command=(str(ctx.bin(binary.name)),),
            folder=ctx.data,
            probes=self.probes(ctx, binary),
        )

    def probes(self, ctx: ServiceContext, binary: Binary) -> tuple[Probe, ...]:
        """The usual probe: `GET /health` over the binary's own socket, or one that an older release binds."""
        folder = ctx.socket(ctx.app).parent.parent
        if ctx.instance:
            names = {"server": "rpc", "admin": "admin", "web": "web"}
            return (HttpProbe(ctx.socket(ctx.app, names[binary.kind])),)
        socket, *older = (folder / name for name in self.health(ctx.app, binary))
        return (HttpProbe(socket, older=tuple(older)),)

    def url(self, ctx: ServiceContext, service: Service) -> str:
        """The http address at which a browser finds a service; empty: none. By default the first port that an admin or
        a web declares, on this machine; without one, hero_router's address of its socket.
        """
        kind = next((item.kind for item in ctx.programs if item.name == service.binary), "server")
        url = f"http://127.0.0.1:{service.ports[0]}/" if service.ports else ctx.router_url(ctx.app, kind)
        return url if kind in ("admin", "web") else ""

    def prepare(self, ctx: ServiceContext) -> None:
        """Called before each start of its services; it may create files in `ctx.data`, and must be idempotent."""
