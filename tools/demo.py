"""The main job from end to end on this machine, as `make demo` runs it.

Compiles a small Rust app (tests/world/hero_db) in two versions, puts both into a directory mirror together with its
git repository, which is one version ahead; then installs, checks, upgrades, rolls back and builds from there with the
real command line, in a root of its own that is removed afterwards. At last it runs the app as services, and upgrades it
to a release whose server does not come up. What is compiled for the releases stays in cache/.
Exits with 1 at the first thing that is not as it should be.
"""

import hashlib
import os
import platform
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from hero_build.forge.mirror import publish  # noqa: E402 - the demo runs without an installation
from hero_build.model.steps import Asset, Release  # noqa: E402

CACHE = CHECKOUT / "cache"
WORLD = CHECKOUT / "tests" / "world"
BINARIES = ("hero_db", "hero_db_admin", "hero_db_server")
FAULT = "its database has format 7, which this program cannot read"
"""What the server of v0.4.0 prints before it ends with 1."""
FORMERLY = {("v0.1.0", "hero_db_admin"): "hero_db_ui"}
REPO = "lhumina_code/hero_db"
AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A Person"), ("EMAIL", "person@forge.example"))
}
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
SHIM = '#!/bin/sh\nexec {python} -m hero_build "$@"\n'


def main() -> None:
    if shutil.which("cargo") is None:
        raise SystemExit("The demo compiles a small Rust app: install cargo, then run `make demo` again.")
    (CACHE / "demo").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=CACHE / "demo") as folder:
        place = Path(folder)
        say("Two releases of a small hero_db, compiled here and put into a mirror, and its repository")
        for version in ("v0.1.0", "v0.2.0"):
            release(place / "mirror", version, compiled(version))
        repository(place, "0.3.0")
        root, env = place / "hero", environment(place)
        story(root, env)
        release(place / "mirror", "v0.4.0", compiled("v0.4.0", HERO_DEMO_FAULT=FAULT))
        with stopped_at_the_end(env):
            run_it(root, env)
    say("Done: the root and the mirror of this demo are gone again.")


def story(root: Path, env: Mapping[str, str]) -> None:
    """What a person would type, and after each change what the installed programs say."""

    def typed(command: str) -> None:
        run(shlex.split(command), env)

    say("Install a release by download")
    typed("hero-build install hero_db --mode download --version v0.1.0")
    programs_say(root, "v0.1.0", env)
    say("Look at it")
    for command in ("list", "status hero_db", "explain hero_db", "verify"):
        typed(f"hero-build {command}")
    say("Upgrade to the newest release")
    typed("hero-build install hero_db --mode download")
    programs_say(root, "v0.2.0", env)
    for command in ("verify", "history", "diff"):
        typed(f"hero-build {command}")
    say("Go back")
    typed("hero-build rollback")
    programs_say(root, "v0.1.0", env)
    typed("hero-build verify")
    typed("hero-build history")
    from_source(root, env)


def from_source(root: Path, env: Mapping[str, str]) -> None:
    checkout = root / "code0" / REPO

    def typed(command: str) -> None:
        run(shlex.split(command), env)

    say("Build it from source: a clone, one call of cargo, and the same way in as a download")
    typed("hero-build install hero_db --mode source")
    programs_say(root, "v0.3.0", env)
    say("Nothing has changed: cargo is not even started. Then something has")
    typed("hero-build install hero_db --mode source")
    with (checkout / "src" / "lib.rs").open("a") as file:
        file.write("// work in progress\n")
    typed(f"git -C {checkout} status --short")
    typed("hero-build install hero_db --mode source --dry-run")
    typed(f"git -C {checkout} restore .")
    say("auto, the default: a release that has everything, and a build where there is none")
    typed("hero-build install hero_db")
    programs_say(root, "v0.2.0", env)
    typed("hero-build install hero_db --version v0.3.0")
    programs_say(root, "v0.3.0", env)
    typed("hero-build verify")
    typed("hero-build history")


def run_it(root: Path, env: Mapping[str, str]) -> None:
    """Services: start, look, and an upgrade whose server ends as soon as it starts."""

    def typed(command: str, code: int = 0) -> None:
        run(shlex.split(command), env, code=code)

    say("Run it: each service in order, each checked over its own socket")
    for command in ("install hero_db --version v0.2.0", "start hero_db", "start hero_db", "status hero_db"):
        typed(f"hero-build {command}")
    for command in ("health hero_db", "logs hero_db -n 5"):
        typed(f"hero-build {command}")
    say("Upgrade to v0.4.0, whose server does not come up: it is rolled back, and the old version runs")
    with Watch(root / "var" / "sockets" / "hero_db" / "rpc.sock") as watch:
        typed("hero-build upgrade hero_db", code=9)
    programs_say(root, "v0.2.0", env)
    print(f"  The longest time without an answer of hero_db_server: {watch.longest:.2f} s")
    for command in ("health hero_db", "history", "verify", "stop hero_db"):
        typed(f"hero-build {command}")


class Watch:
    """Asks a service for its health all the time; `longest` is the longest time without an answer, in seconds."""

    def __init__(self, path: Path) -> None:
        self.path, self.longest, self.last = path, 0.0, time.monotonic()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.ask_until_ended)

    def __enter__(self) -> "Watch":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    def ask_until_ended(self) -> None:
        while not self.ended.wait(0.01):
            answered = answers(self.path)
            now = time.monotonic()
            self.longest = max(self.longest, now - self.last)
            self.last = now if answered else self.last


def answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(os.path.relpath(path))  # an address has at most 107 bytes
            connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
            return connection.recv(12).endswith(b" 200")
        except OSError:
            return False


@contextmanager
def stopped_at_the_end(env: Mapping[str, str]) -> Iterator[None]:
    """Leave no service and no supervisor running, also when the demo fails."""
    try:
        yield
    finally:
        subprocess.run(["hero-build", "stop", "hero_db", "-q"], env=env, check=False)


def programs_say(root: Path, version: str, env: Mapping[str, str]) -> None:
    for name in BINARIES:
        out = run([str(root / "bin" / name), "--version"], env)
        if out != f"{name} {version}\n":
            raise SystemExit(f"{name} should say {version}, and says {out!r}")


def run(command: list[str], env: Mapping[str, str], *, code: int = 0) -> str:
    """Print the command as a person types it, run it, show its output. Ends the demo unless it ends with `code`."""
    typed = shlex.join(command).replace(env["HERO_ROOT"], "$HERO_ROOT")
    print(f"\033[1m$ {typed}\033[0m" if colour() else f"$ {typed}", flush=True)
    kept = None if command[0] == "hero-build" else subprocess.PIPE  # on a terminal, hero-build has its live view
    done = subprocess.run(command, env=env, stdout=kept, text=True, check=False)
    if done.returncode != code:
        raise SystemExit(f"`{typed}` ended with exit code {done.returncode}.")
    print(done.stdout or "", end="")
    return done.stdout or ""


def compiled(version: str, **variables: str) -> Path:
    """The folder with the app's binaries of that version; compiled at most once."""
    source, target = copied(CACHE / "demo" / "hero_db"), CACHE / "demo-target" / version
    env = {**os.environ, "HERO_DEMO_VERSION": version, **variables}
    command = ["cargo", "build", "--release", "--quiet", "--target-dir", str(target)]
    subprocess.run(command, cwd=source, env=env, check=True)
    return target / "release"


def copied(folder: Path) -> Path:
    shutil.copytree(WORLD / "hero_db", folder, ignore=shutil.ignore_patterns("target"), dirs_exist_ok=True)
    return folder


def repository(place: Path, version: str) -> None:
    """The app's git repository, where the mirror has it; nobody has made a release of its newest tag yet."""
    work = copied(place / "developer")
    manifest = (work / "Cargo.toml").read_text()
    (work / "Cargo.toml").write_text(re.sub(r'(?m)^version = ".*"', f'version = "{version}"', manifest, count=1))
    bare = place / "mirror" / f"{REPO}.git"
    for command in (
        ["cargo", "generate-lockfile", "--offline", "--quiet"],
        ["git", "init", "--quiet", "--initial-branch=development"],
        ["git", "add", "--all"],
        ["git", "-c", "commit.gpgsign=false", "commit", "--quiet", "--message=The next version"],
        ["git", "-c", "tag.gpgsign=false", "tag", f"v{version}"],
        ["git", "clone", "--quiet", "--bare", str(work), str(bare)],
    ):
        subprocess.run(command, cwd=work, env={**os.environ, **AUTHOR}, check=True)
    print(f"  {bare.relative_to(place / 'mirror')}: v{version}")


def release(mirror: Path, version: str, binaries: Path) -> None:
    """Publish as a forge would have it: one asset for each binary, and SHA256SUMS of them all."""
    names = {FORMERLY.get((version, name), name): name for name in BINARIES}
    files = {f"{asset}-linux-{ARCH}-gnu": binaries / name for asset, name in names.items()}
    sums = mirror.parent / "SHA256SUMS"
    sums.write_text("".join(f"{digest(path)}  {name}\n" for name, path in files.items()))
    assets = tuple(asset(name, path) for name, path in {**files, sums.name: sums}.items())
    found = Release("", repo=REPO, tag=version, assets=assets, created="2026-01-01T00:00:00Z")
    publish(mirror, found, {**files, sums.name: sums}, latest=True)
    print(f"  {version}: {', '.join(files)}")


def asset(name: str, path: Path) -> Asset:
    return Asset(name, url=path.as_uri(), size=path.stat().st_size, id=digest(path), sha256=digest(path))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def environment(place: Path) -> dict[str, str]:
    """This process's environment without its hero-build settings, pointed at the demo's own root and mirror."""
    shim = place / "bin" / "hero-build"
    shim.parent.mkdir()
    shim.write_text(SHIM.format(python=shlex.quote(sys.executable)))
    shim.chmod(0o755)
    own = {
        "HERO_ROOT": str(place / "hero"),
        "HERO_BUILD_CACHE": str(place / "cache"),
        "HERO_RECIPES": str(WORLD / "recipes"),
        "FORGEJO_URL": (place / "mirror").as_uri(),
    }
    for name, value in own.items():
        print(f"  export {name}={value}")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HERO_", "FORGEJO_"))}
    kept.pop("CODEROOT", None)
    return {**kept, **own, "PYTHONPATH": str(CHECKOUT), "PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}"}


def say(text: str) -> None:
    print(f"\n\033[1;36m# {text}\033[0m" if colour() else f"\n# {text}", flush=True)


def colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


if __name__ == "__main__":
    main()
