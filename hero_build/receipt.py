"""A decision that was made need not be made again while nothing it rests on has changed.

An install from a lock file that found nothing to do leaves a receipt in `var/hero_build/receipt.json`: the words that
were typed, a stamp (inode, size, mtime) of every file the decision was read from, the generation it was about, and the
answer. The next one with the same words looks whether all of it still holds: the inputs by their stamps, the generation
by `current`, each installed file by the seal and each link by where it leads. That takes a few milliseconds and no
more than json; anything in doubt, a receipt that cannot be read included, and the decision is made anew.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hero_build import STATE, __version__

if TYPE_CHECKING:
    from hero_build.pipeline import Plan
    from hero_build.tools import Tools

Stamp = list[int] | None
_NAME = "receipt.json"
_ENVIRONMENT = ("HERO_ROOT", "HERO_RECIPES", "FORGEJO_URL", "CODEROOT", "HOME")


def recall(words: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """The answer to these words, if the receipt of their root says that it still is the same; else None."""
    if words[:1] != ["install"] or "--locked" not in words:
        return None
    state = os.path.join(_root(words, environ), STATE)
    try:
        with open(os.path.join(state, _NAME), encoding="utf-8") as file:
            receipt = json.load(file)
        holds = _asked(words, environ) == receipt["asked"] and _unchanged(receipt) and _intact(state, receipt)
        return str(receipt["answer"]) if holds else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def remember(todo: "Plan", tools: "Tools", words: Sequence[str], lock: str, answer: str) -> None:
    """Leave a receipt of a plan in which everything is kept; a root that cannot be written goes without."""
    from hero_build import manifest
    from hero_build.install import links
    from hero_build.install.layout import link_target
    from hero_build.model import Keep

    generation = manifest.load(tools.root.path)
    kept = [item.part for item in todo.decisions if isinstance(item, Keep)]
    if len(kept) < len(todo.decisions) or todo.failed or not generation.records.keys() >= set(kept):
        return
    records = [generation.records[part] for part in kept]
    receipt = {
        "asked": _asked(words, os.environ),
        "inputs": {path: _stamp(path) for path in (lock, *_read(todo, tools))},
        "generation": generation.number,
        "files": [file.path for record in records for entry in record.entries for file in entry.files],
        "links": {str(tools.root.place(name)): link_target(name) for name in links.names(records)},
        "answer": answer,
    }
    _write(os.path.join(tools.root.state, _NAME), json.dumps(receipt))


def _read(todo: "Plan", tools: "Tools") -> Iterable[str]:
    """What the plan was made from besides the lock file: recipes, the folders they are looked for in, the config."""
    apps = [step.facts.app for step in todo.steps]
    files = {str(path) for app in apps for path in tools.catalog.files[app]} | set(map(str, tools.catalog.shared))
    folders = {os.path.dirname(path) for paths in tools.catalog.files.values() for path in map(str, paths)}
    config = str(tools.settings.root / "cfg" / "hero_build.toml")
    return (*sorted(files), *sorted(folders), config, os.path.dirname(__file__))


def _asked(words: Sequence[str], environ: Mapping[str, str]) -> list[object]:
    return [__version__, list(words), os.getcwd(), [environ.get(name) for name in _ENVIRONMENT]]


def _root(words: Sequence[str], environ: Mapping[str, str]) -> str:
    """Where to look. A guess that is wrong finds a receipt of other words, or none."""
    typed = words[words.index("--root") + 1 :][:1] if "--root" in words else []
    return os.path.abspath(os.path.expanduser(typed[0] if typed else environ.get("HERO_ROOT") or "~/hero"))


def _unchanged(receipt: Any) -> bool:
    return all(_stamp(path) == stamp for path, stamp in receipt["inputs"].items())


def _intact(state: str, receipt: Any) -> bool:
    """Is its generation the current one, are files and links as they were, and is nothing left unfinished?"""
    number = f"generations/{receipt['generation']}"
    current = os.path.join(state, number)
    if os.readlink(os.path.join(state, "current")) != number:
        return False
    newest = max(int(name) for name in os.listdir(os.path.join(state, "generations")))
    if newest != receipt["generation"] or os.listdir(os.path.join(state, "staging")):
        return False
    with open(os.path.join(current, "seal.json"), encoding="utf-8") as file:
        seal = json.load(file)
    sealed = all(_stamp(os.path.join(current, path)) == seal[path] for path in receipt["files"])
    return sealed and all(os.readlink(place) == target for place, target in receipt["links"].items())


def _stamp(path: str) -> Stamp:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def _write(path: str, text: str) -> None:
    part = f"{path}.{os.getpid()}"
    try:
        with open(part, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(part, path)
    except OSError:
        return  # it would only have saved time
