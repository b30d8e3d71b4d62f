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
- **bare loop** (`bench/bare.py`) is no peer: it is what a download cannot leave out. It has all addresses beforehand,
  reads with 16 connections, hashes, writes and syncs each file and their folder, plans and records nothing. In the row
  of packs it reads the same files from the page cache.
- **Latency**: a proxy lets everything that clients send arrive late, so that each request costs a round trip; answers
  pass untouched.
- **Memory** is the most that the process had resident (VmHWM).
- **Nothing to do**: the same command again and again, after two runs that are not counted.
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
  above; what they depend on takes minutes to compile, and so there is one cold round. For the row of both repositories
  hero-build builds the shell after the islands, with the target folder that its checkouts share; wasm-pack is run in
  each repository, which has a target folder of its own.
- **Shared cache**: sccache on the local disk. The first machine fills it; the second one has another root, other
  checkouts and another target folder, once at the same paths and once at other ones.
- **35 apps planned**: `install --dry-run`, which gathers every fact and changes nothing: releases and checksums from
  the server, state and fingerprint of checkouts (a small crate each), what is on disk. Where there is some of each, 17
  have no release.
- **Published**: to the real server of the tests, on loopback. hero-build takes the programs as they were built, hashes
  and verifies them, uploads them into a draft, gets every byte back from the server, compares and shows the release.
  curl sends the same files into a draft with 16 uploads at once, and gets nothing back; once more, it fetches them as
  well, and openssl hashes them.

cargo-binstall is in no row. It would need no registry: `--manifest-path` takes a `Cargo.toml` with `pkg-url` in
`[package.metadata.binstall]`, for one crate a call. But version 1.20, which Rust 1.95 compiles, refuses the address of
the program before it sends a request (`kind: Builder, source: BadScheme`): it takes https alone, and the rows are
served over http. `--allow-insecure-http` came with 1.22, whose lock file asks for Rust 1.96.
"""


def text() -> str:
    return _TEXT.format(hero=HERO, curl=CURL)
