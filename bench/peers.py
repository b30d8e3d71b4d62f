"""How each peer does the work: the same apps from the same server, into an empty folder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from shlex import quote

from bench import world
from bench.measure import Command, Failed, Peer, environment
from bench.places import WORLD
from bench.result import HERO
from bench.tools import Tools
from bench.tools import binstall as binstall_program
from bench.tools import ubi as ubi_program
from bench.world import OWNER, App

CURL, CURL_AGAIN, UNSYNCED, MISE = "curl+openssl+sync", "curl+openssl+sync again", "curl+openssl", "mise"
UBI, BINSTALL = "ubi", "cargo-binstall"
_TAG = "v1.0.0"
_CRATE = """[package]
name = "{app}"
version = "1.0.0"

[package.metadata.binstall]
pkg-url = "{url}"
pkg-fmt = "bin"
"""


def downloaders(context: Tools, apps: Sequence[App], fleet: str, base: str) -> list[Peer]:
    """All of them, the first one named twice: how far it differs from itself is how much the rest may be trusted."""
    bare = [curl(CURL, apps, base), curl(CURL_AGAIN, apps, base), curl(UNSYNCED, apps, base, sync=False)]
    other = [mise(context.mise, apps, base)] if context.mise else []
    other += [ubi(program, apps, base)] if (program := ubi_program()) else []
    other += [binstall(program, apps, base)] if (program := binstall_program()) else []
    return [*bare, *other, hero(context.hero, apps=apps, fleet=fleet, base=base)]


def curl(name: str, apps: Sequence[App], base: str, *, verify: bool = True, sync: bool = True) -> Peer:
    """curl with 16 transfers at once; then openssl's sha256 and a sync of each. It has all addresses beforehand."""

    def prepare(folder: Path) -> Command:
        lines = [f'url = "{base}{path_of(app)}"\noutput = "{folder / app.name}"\n' for app in apps]
        (folder / "urls").write_text("".join(lines))
        fetch = "curl --silent --show-error --fail --parallel --parallel-max 16 --config urls"
        names = " ".join(quote(app.name) for app in apps)
        steps = [fetch, *([f"openssl dgst -sha256 {names}"] if verify else []), *([f"sync {names} ."] if sync else [])]
        script = " && ".join(steps) if len(steps) > 1 else f"exec {fetch}"
        argv = ("/bin/sh", "-c", script)
        return Command(argv, environment(folder), folder)

    return Peer(name, prepare, lambda folder: complete(apps, lambda app: folder / app.name))


def mise(program: Path, apps: Sequence[App], base: str) -> Peer:
    """`mise install` by its forgejo backend, without any state from before."""
    return Peer(
        MISE,
        lambda folder: mise_install(program, apps=apps, base=base, folder=folder),
        lambda folder: complete(apps, lambda app: mise_file(folder, app)),
    )


def ubi(program: Path, apps: Sequence[App], base: str) -> Peer:
    """One ubi for each app, eight at once: each asks the API for its release. Nothing is compared, nor synced."""

    def prepare(folder: Path) -> Command:
        (folder / "apps").write_text("".join(f"{OWNER}/{app.name}\n" for app in apps))
        words = (str(program), "--forge", "forgejo", "--api-base-url", f"{base}/api/v1", "--tag", _TAG)
        argv = ("xargs", "-P", "8", "-I", "{}", "-a", "apps", *words, "--in", "bin", "--project", "{}")
        return Command(argv, environment(folder), folder)

    return Peer(UBI, prepare, lambda folder: complete(apps, lambda app: folder / "bin" / app.name))


def binstall(program: Path, apps: Sequence[App], base: str) -> Peer:
    """One cargo-binstall for each app, eight at once: each has the address. Nothing is asked, compared, or synced."""

    def prepare(folder: Path) -> Command:
        for app in apps:
            (folder / app.name / "src").mkdir(parents=True)
            (folder / app.name / "src" / "main.rs").touch()
            manifest = _CRATE.format(app=app.name, url=f"{base}{path_of(app)}")
            (folder / app.name / "Cargo.toml").write_text(manifest)
        (folder / "apps").write_text("".join(f"{app.name}\n" for app in apps))
        quiet = ("--no-confirm", "--no-track", "--disable-telemetry", "--allow-insecure-http")
        words = (str(program), *quiet, "--strategies", "crate-meta-data", "--install-path", "bin")
        argv = ("xargs", "-P", "8", "-I", "{}", "-a", "apps", *words, "--manifest-path", "{}", "{}")
        return Command(argv, environment(folder), folder)

    return Peer(BINSTALL, prepare, lambda folder: complete(apps, lambda app: folder / "bin" / app.name))


def mise_install(program: Path, apps: Sequence[App], base: str, folder: Path) -> Command:
    """Its configuration is written here; with `1.0.0` for the tag it needs no guess, which is its faster way."""
    lines = [f'"forgejo:{OWNER}/{app.name}" = {{ version = "1.0.0", api_url = "{base}/api/v1" }}' for app in apps]
    (folder / "mise.toml").write_text("\n".join(["[tools]", *lines, ""]))
    own = {f"MISE_{name.upper()}_DIR": folder / name for name in ("data", "cache", "config", "state")}
    quiet = {"MISE_YES": "1", "MISE_JOBS": "16", "MISE_USE_VERSIONS_HOST": "0"}
    env = environment(folder, MISE_TRUSTED_CONFIG_PATHS=folder, **own, **quiet)
    return Command((str(program), "install"), env, folder)


def mise_file(folder: Path, app: App) -> Path:
    """Where mise has put an app's program."""
    home = folder / "data" / "installs" / f"forgejo-{OWNER}-{app.name}" / "1.0.0"
    files = [path for path in home.rglob("*") if path.is_file() and path.stat().st_size]
    return max(files, key=lambda path: path.stat().st_size, default=home / app.name)


def hero(program: Path, apps: Sequence[App], fleet: str, base: str) -> Peer:
    """`hero-build install` into a fresh root: resolved, verified, synced, committed."""
    return Peer(
        HERO,
        lambda folder: hero_command(program, fleet, base, folder, "install", "@bench", "--mode", "download"),
        lambda folder: complete(apps, lambda app: folder / "root" / "bin" / app.name),
    )


def hero_command(program: Path, fleet: str, base: str, folder: Path, *arguments: str) -> Command:
    """hero-build with `<folder>/root` for its root, and the recipes of a fleet beside its own."""
    env = environment(
        folder,
        HERO_ROOT=folder / "root",
        HERO_RECIPES=world.recipes(fleet),
        HERO_BUILD_CACHE=folder / "cache",
        FORGEJO_URL=base,
    )
    return Command((str(program), *arguments), env, folder)


def path_of(app: App) -> str:
    """Where the server has its file."""
    return "/" + str(app.file(_TAG).relative_to(WORLD / "www"))


def complete(apps: Sequence[App], place: Callable[[App], Path]) -> None:
    """Raises Failed where a file has another size than its app."""
    for app in apps:
        size = place(app).stat().st_size
        if size != app.size:
            raise Failed(f"{app.name} has {size} bytes and should have {app.size}")
