"""The part of docs/benchmarks.md that says how everything is measured."""

from bench.peers import CURL
from bench.result import HERO

_TEXT = """
## How it is measured

One nginx on loopback serves the files, and a forge's API as static documents; all of it is in the page cache. In each
round every peer runs once, in shuffled order, into an empty folder on the disk; a first round is not counted. What is
shown is the median, and for ratios the median over the rounds with the middle half of them in brackets: each compares
two runs of the same round. One peer is named twice: how far it seems to differ from itself is how much the rest may be
trusted.

- **{hero}** is installed from a wheel and runs with its defaults. Its time holds everything: it resolves each app by
  the API, reads the checksums, downloads, hashes, checks the ELF headers, syncs every file to the disk and commits.
- **{curl}** is the bare work with equal durability: it has all addresses beforehand,
  `curl --parallel --parallel-max 16` fetches them, `openssl dgst -sha256` hashes the files and `sync` syncs each and
  their folder. Nothing is compared. **curl+openssl** is the same without the sync.
- **mise** installs by its forgejo backend, with 16 jobs: it, too, asks the API, compares with the published checksums
  and syncs.
- **ubi** (cargo's `ubi-cli`) is started once for each app, eight at once; it asks the API and downloads. It compares
  nothing with the published checksums, and syncs nothing.
- **cargo-binstall** is started once for each app, eight at once, with a `Cargo.toml` that has the program's address
  (`pkg-url`). It asks no API, compares nothing and syncs nothing. It takes http since 1.22, and those versions are
  compiled with Rust 1.96: it is left out where cargo has an older one.
- **bare loop** (`bench/bare.py`) is no peer: it is what a download cannot leave out. It has all addresses beforehand,
  reads with 16 connections, hashes, writes and syncs each file and their folder, plans and records nothing. In the row
  of packs it reads the same files from the page cache.
- **Latency**: a proxy lets everything that clients send arrive late, so that each request costs a round trip; answers
  pass untouched.
- **Memory** is the most that the process had resident (VmHWM).
- **Nothing to do**: the same command again and again, after two runs that are not counted.
- **Starting**: `--version`, `list`, and one app of 8 kB into an empty root, beside `python -c pass`, an interpreter
  that does nothing.
- **The forge asked**: without a lock file, so that each app's newest release is requested, and compared with the
  receipt of the run before. [Where the time goes](where-the-time-goes.md) has the profile of this and of a start.
- **A thousand apps**: that many recipes, and that many small apps installed from them in one root.
- **zinit from source**: its repository, made of its crate, from a mirror on the disk; what it depends on is fetched
  beforehand, and nobody has a network. cargo is given a clone and builds the same two programs into an empty target
  folder; hero-build clones, builds into an empty target folder, verifies, syncs and commits. There are three rounds of
  it at most, since a build takes minutes, and none that is not counted.
- **One file**: a pack has hero-build in it, which unpacks itself first; makeself checks its own sum of the whole
  archive and runs a script that installs the files. Both sync what they install. `python3` is the interpreter that made
  the pack, as on a machine whose Python is of that version, and not the shell script of a version manager.
- **Nothing to do, from source**: the same command again, and `cargo build` again in the tree and the target folder that
  hero-build built in.
- **30 islands from source**: the workspace of `tests/support/island_workspace.py`, small islands with one crate in
  common, from a mirror on the disk; what they depend on is fetched beforehand. wasm-pack is given a clone and builds
  each island in turn, `wasm-pack build --target web --release --mode no-install`, all into one target folder, which is
  empty when it begins cold. hero-build clones, builds all of them, verifies, syncs and commits; the memory is that of
  its own process. For the edit one function of one island is changed: wasm-pack is run in that island, hero-build on
  all.
- **Islands of dioxus**: four islands and a shell with dioxus 0.7 and dioxus-bootstrap-css, in two repositories, as
  above; what they depend on takes minutes to compile, and so there are two cold rounds at most, the second one in the
  other order. For the row of both repositories hero-build builds the shell after the islands, with the target folder
  that its checkouts share; wasm-pack is run in each repository, which has a target folder of its own.
- **15 apps from source**: small web services with axum, tokio and serde, in 15 repositories with lock files of their
  own, from a mirror on the disk; what they depend on is fetched beforehand. cargo builds each clone in turn, into the
  target folder that each has; hero-build clones all of them, builds with the target folder that its checkouts share,
  verifies, syncs and commits. It takes cargo six minutes, and so there is one cold round. For the edit one file of one
  app is changed: cargo is run in that app, hero-build on all.
- **Shared cache**: sccache on the local disk. The first machine fills it; the second one has another root, other
  checkouts and another target folder, once at the same paths and once at other ones.
- **35 apps planned**: `install --dry-run`, which gathers every fact and changes nothing: releases and checksums from
  the server, state and fingerprint of checkouts (a small crate each), what is on disk. Where there is some of each, 17
  have no release.
- **Published**: to the real server of the tests, on loopback. hero-build takes the programs as they were built, hashes
  and verifies them, uploads them into a draft, gets every byte back from the server, compares and shows the release.
  curl sends the same files into a draft with 16 uploads at once, and gets nothing back; once more, it fetches them as
  well, and openssl hashes them.
- **`verify` of 1000 apps**: every byte is read and hashed again, from the page cache; openssl hashes the same files, in
  as many processes as there are cores.
- **Services**: the same small program in C (`bench/daemon.c`) under each supervisor, which is driven by its own
  command. hero-build also waits until a service answers at its socket and is steady. During an upgrade a client asks
  every 5 ms; the others restart the same program.
- **`serve`**: one process answers 200 clients over a Unix socket, while 60 services run.
- **The cockpit's page**: Debian's Chromium loads it from `serve`; the time is the browser's own, from the request to
  the frame with all apps in it.
- **Machines**: each is a root of its own on this one, with a process of hero-build, four at once; they install from one
  nginx, through the proxy that adds latency. The row is what a machine itself has to spend: processor time.
- **The control node**: `ansible-playbook` runs the playbook `upgrade` over ssh, against fifty roots on this machine.
"""

EXPLAINED = {
    **dict.fromkeys(("cold-30", "cold-6"), "hero-build"),
    "latency-30": "Latency",
    "noop": "The forge asked",
    "pack": "One file",
    "startup": "Starting",
    "memory": "Memory",
    "scale": "A thousand apps",
    "verify": "`verify` of 1000 apps",
    "services": "Services",
    "serve": "`serve`",
    "cockpit": "The cockpit's page",
    "source": "zinit from source",
    "source-noop": "Nothing to do, from source",
    "stack": "15 apps from source",
    "islands": "30 islands from source",
    "dioxus": "Islands of dioxus",
    "fleet": "Machines",
    "fleet-controller": "The control node",
    "plan": "35 apps planned",
    "publish": "Published",
}
"""The paragraph that explains the rows of a key of `--only`; the imports have a part of the page to themselves."""


def text() -> str:
    return _TEXT.format(hero=HERO, curl=CURL)
