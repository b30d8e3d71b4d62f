"""What a recipe declares: what a repo publishes, and for which machines."""

from typing import Literal

from msgspec import Struct

from hero_build.errors import Unsupported
from hero_build.model.installed import Backend, InstalledPart, Kind, Origin, Phase

Libc = Literal["musl", "gnu"]
BundleKind = Literal["island", "shell"]
KIND_SUFFIXES: tuple[tuple[str, Kind], ...] = (("_server", "server"), ("_admin", "admin"), ("_web", "web"))
"""The kinds of binaries that only their names show."""
DESKTOP_APP = "hero_os"
"""The app that has the desktop's shell, and serves its islands."""
ISLANDS_APP = "hero_archipelagos"
"""The app whose bundles the islands are."""
SHELL = "share/hero_os/shell"
ISLANDS = "share/hero_os/islands"
"""Where bundles are below a root (contract): the shell's files, and a folder for each island."""


class Platform(Struct, frozen=True):
    """What a program was built for, written `linux-amd64-musl` in asset names."""

    arch: str
    libc: Libc
    os: str = "linux"

    def __str__(self) -> str:
        return f"{self.os}-{self.arch}-{self.libc}"


class Binary(Struct, frozen=True):
    """A program installed as `bin/<name>`; `formerly` is its asset name in releases from before a rename.

    `install_only`: another program starts it.
    """

    name: str
    kind: Kind
    formerly: str | None = None
    install_only: bool = False


class Pinned(Struct, frozen=True):
    """A file at a fixed URL with a fixed digest; `member` names the file inside it, where it is a .tgz or .zip."""

    platform: str
    url: str
    sha256: str
    member: str = ""


class Library(Struct, frozen=True):
    """A shared library installed as `lib/<name>`: the same pinned file in every mode, one pin per `<os>-<arch>`."""

    name: str
    pins: tuple[Pinned, ...]


def kind_by_suffix(name: str) -> Kind:
    """The kind of a binary that only its name shows; a name with none of the suffixes is a command."""
    return next((kind for suffix, kind in KIND_SUFFIXES if name.endswith(suffix)), "cli")


def phase_of(record: InstalledPart) -> Phase:
    """The phase that installs a part: as recorded, else by where its files are."""
    if record.origin.phase is not None:
        return record.origin.phase
    if record.id.bundle is None:
        return "install"
    (bundle,) = record.entries
    return "islands" if bundle.files[0].path.startswith(f"{ISLANDS}/") else "shell"


def backend_of(origin: Origin) -> tuple[Backend, bool]:
    """What made a bundle, and whether wasm-opt was run on it."""
    if origin.build and origin.build.backend is not None:
        return origin.build.backend, origin.build.optimise is not False
    # in manifests from before these were recorded a component of the fingerprint says it
    words = dict(origin.build.fingerprint.parts).get("bundles", "").split() if origin.build else []
    return "wasm-pack" if words[:1] == ["wasm-pack"] else "direct", "--no-opt" not in words


def pin_of(library: Library, platform: Platform) -> Pinned:
    """The file that a library is on a platform. Raises Unsupported where its recipe pins none."""
    machine = f"{platform.os}-{platform.arch}"
    for pin in library.pins:
        if pin.platform == machine:
            return pin
    pinned = ", ".join(pin.platform for pin in library.pins) or "no platform"
    raise Unsupported(f"{library.name} is not pinned for {machine}", f"Its recipe pins it for {pinned}; add one there.")


class WasmBundle(Struct, frozen=True):
    """A folder of WebAssembly and its glue: the desktop's shell, or one of its islands."""

    name: str
    kind: BundleKind = "island"

    @property
    def folder(self) -> str:
        """Where its files are installed, relative to the root."""
        return SHELL if self.kind == "shell" else f"{ISLANDS}/{self.name}"


Artifact = Binary | Library | WasmBundle


class GenericPackage(Struct, frozen=True):
    """A generic package of a forge: the second place where a recipe's files may be published."""

    owner: str
    name: str
    version: str


class Cargo(Struct, frozen=True):
    """How cargo builds an app. Apps with equal checkout and Cargo share one call.

    `env` is added to the environment of the build; `{lib}` in a value stands for the folder with the recipe's libraries
    during the build. `packages` restricts the workspace (`-p`); `args` are passed to cargo unchanged. `workspace` is
    the folder of the workspace, relative to the checkout; empty: it is searched for.
    """

    features: tuple[str, ...] = ()
    default_features: bool = True
    env: tuple[tuple[str, str], ...] = ()
    packages: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    workspace: str = ""
