"""`python -m bench.sizes`: what wasm-opt costs and brings on islands of a real size, and what a second core does.

Four islands with serde_json and regex in each. Printed as the table of docs/commands/desktop.md; not a part of
`make bench`, whose islands are small.
"""

import gzip
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench import islands, tools
from bench.measure import Command, seconds
from bench.scratch import scratch

_NAMES = ("contacts", "editor", "mail", "notes")
_WAYS = {"`-O` (as it is)": ("", ()), "`-O1`": ('["-O1"]', ()), "`--no-opt`": ("", ("--no-opt",))}
_TIMES = 3
_METADATA = "\n[package.metadata.wasm-pack.profile.release]\nwasm-opt = "
_NEEDS = """\
regex = { version = "1", default-features = false, features = ["std", "unicode-perl"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
"""
_MORE = """
#[derive(serde::Serialize, serde::Deserialize)]
struct Entry {
    title: String,
    words: Vec<String>,
    more: std::collections::BTreeMap<String, serde_json::Value>,
}

#[wasm_bindgen]
pub fn matching(entries: &str, pattern: &str) -> Result<String, JsValue> {
    let message = |error: &dyn std::fmt::Display| JsValue::from_str(&error.to_string());
    let pattern = regex::Regex::new(pattern).map_err(|error| message(&error))?;
    let mut entries: Vec<Entry> = serde_json::from_str(entries).map_err(|error| message(&error))?;
    entries.retain(|entry| pattern.is_match(&entry.title) || entry.words.iter().any(|word| pattern.is_match(word)));
    serde_json::to_string_pretty(&entries).map_err(|error| message(&error))
}
"""


def main() -> None:
    with scratch("sizes") as folder:
        found = islands.archipelago(folder, _NAMES, _grown)
        hero = islands.hero(tools.prepare(), found, folder)
        print(f"cold, cargo and all: {seconds(hero):.1f} s", file=sys.stderr)
        print(
            "| | all four anew, two cores | one core | after one edit | a module | gzipped |\n|---|---|---|---|---|---|"
        )
        for title, (wanted, flags) in _WAYS.items():
            print(_line(title, wanted=wanted, flags=flags, hero=hero, folder=folder), flush=True)


def _grown(tree: Path) -> None:
    """Before it has a lock file."""
    for name in _NAMES:
        with (tree / "islands" / name / "Cargo.toml").open("a") as manifest:
            manifest.write(_NEEDS)
        with (tree / "islands" / name / "src" / "lib.rs").open("a") as source:
            source.write(_MORE)


def _line(title: str, wanted: str, flags: Sequence[str], hero: Command, folder: Path) -> str:
    tree = islands.checkout(folder)
    for name in _NAMES:
        manifest = tree / "islands" / name / "Cargo.toml"
        manifest.write_text(manifest.read_text().partition(_METADATA)[0] + (f"{_METADATA}{wanted}\n" if wanted else ""))
    command = Command((*hero.argv, *flags), hero.env, hero.cwd)
    seconds(command)
    anew = Command((*command.argv, "--reset"), hero.env, hero.cwd)
    two, one = (median(_anew(anew, folder, cores) for _ in range(_TIMES)) for cores in (2, 1))
    edited = median(_edited(command, tree) for _ in range(_TIMES))
    raw = [path.read_bytes() for path in islands.installed(folder)]
    size, packed = (sum(map(len, files)) / len(files) / 1000 for files in (raw, [gzip.compress(item) for item in raw]))
    return f"| {title} | {two:.1f} s | {one:.1f} s | {edited:.1f} s | {size:.0f} kB | {packed:.0f} kB |"


def _anew(command: Command, folder: Path, cores: int) -> float:
    """All but what cargo has compiled already."""
    shutil.rmtree(folder / "cache" / "wasm" / "bundles")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cores])
    try:
        return seconds(command)
    finally:
        os.sched_setaffinity(0, before)


def _edited(command: Command, tree: Path) -> float:
    islands.edit(tree)
    return seconds(command)


if __name__ == "__main__":
    main()
