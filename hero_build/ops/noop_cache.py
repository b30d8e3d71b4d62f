"""A decision that was made need not be made again while nothing it rests on has changed.

An install that found nothing to do leaves a receipt in `var/hero_build/receipt`: what was asked, a stamp of every file
that the decision was read from or that could have been there, and the answer. The next one with the same words takes
the stamps again: if all are equal, the answer is. That costs some milliseconds and no import but os; anything in doubt,
a receipt that cannot be read included, and the decision is made anew.

A stamp has inode, size, mtime, ctime and mode: a ctime cannot be set back, so that no write goes unseen. Checkouts are
walked whole (but for .git, of which `source/inputs.py` knows what counts, and cargo's target folders), so that a new
file anywhere in one is seen. Stamps are taken before the decision and once more after it, and hold only if both are
equal and all are older than the command by more than a filesystem's clock ticks (git's "racy" rule).
"""

import os
import stat
import time

from hero_build import STATE, __version__

TYPE_CHECKING = False  # typing alone would cost as much as all that is done here
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from hero_build.context import Context
    from hero_build.ops.install import Plan

_NAME = "receipt"
_BEGUN = time.time_ns()  # the door imports this before anything is read
_TICK, _COARSE = 50_000_000, 2_000_000_000
"""By how much a stamp must be older than the command, in ns: where a filesystem keeps fractions of a second, or not."""
_MOST = 20_000  # entries of checkouts: to walk more takes as long as git does
_ABSENT = "absent"
_END = "end"  # without it, the rest was lost
ASIDE = (
    *("_", "SHLVL", "OLDPWD", "COLUMNS", "LINES", "FORGEJO_TOKEN", "GITEA_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"),
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE"),
)
"""Variables that decide nothing; of the rest any might: a recipe is code, and git has many."""


class InputsUnclear(Exception):
    """What would have to be looked at cannot be told, or is too much."""


def recall(words: "Sequence[str]", environ: "Mapping[str, str]") -> str | None:
    """The answer to these words, if the receipt of their root says that it still is the same; else None."""
    if words[:1] != ["install"]:
        return None
    try:
        with open(os.path.join(_root(words, environ), STATE, _NAME), encoding="utf-8", errors="surrogatepass") as file:
            answer, *fields, end = file.read().split("\0")
        asked = _asked(words, environ)
        if end != _END or fields[: len(asked)] != asked:
            return None
        return answer if _again(fields[len(asked) :]) else None
    except (OSError, ValueError, IndexError):
        return None


def stamp_inputs(apps: "Iterable[str]", context: "Context", lock: "Path | None") -> list[str] | None:
    """The stamps of all that a decision about these apps rests on, by a lock file or (None) by their checkouts.

    None: it cannot be told. Call it before the decision.
    """
    from hero_build.errors import HeroBuildError
    from hero_build.source.inputs import UnknownInputs, build_inputs

    try:
        files = {*_root_files(apps, context), *_recipe_files(context)}
        if lock is not None:
            return _taken(sorted({*files, str(lock.absolute())}), (), ())
        found = build_inputs([context.catalog.get(app).recipe for app in apps], context.settings)
        return _taken(sorted(files | found.files), sorted(found.trees), sorted(found.outputs))
    except (OSError, ValueError, InputsUnclear, UnknownInputs, HeroBuildError):
        return None


def remember(seen: list[str], todo: "Plan", context: "Context", words: "Sequence[str]", answer: str) -> None:
    """Leave a receipt of a plan in which everything is kept; a root that cannot be written goes without.

    `seen`: what `look` told before it was made.
    """
    from hero_build.model.decisions import Keep

    if todo.failed or not all(isinstance(item, Keep) for item in todo.decisions) or not answer.isascii():
        return
    locked = not any(field[0] == "/" for field in seen)
    if locked and any(step.facts.build_plan for step in todo.steps):
        return  # it was built all the same, and the checkouts were not looked at
    if _settled(seen) and _again(seen):
        fields = (answer, *_asked(words, os.environ), *seen, _END)
        _write(os.path.join(context.root.state, _NAME), "\0".join(fields))


def _asked(words: "Sequence[str]", environ: "Mapping[str, str]") -> list[str]:
    """Who asks what, where, on which machine. Of the environment, which holds secrets, a digest."""
    from _blake2 import blake2b  # hashlib, which brings it, loads OpenSSL first: 4 ms

    pairs = (f"{name}={environ[name]}" for name in sorted(environ) if name not in ASIDE)
    digest = blake2b("\0".join(pairs).encode(errors="surrogateescape"), digest_size=16).hexdigest()
    machine = os.uname()
    who = (__version__, digest, str(os.geteuid()), machine.nodename, machine.machine, os.getcwd())
    return [f"?{word}" for word in (*who, str(len(words)), *words)]


def _root(words: "Sequence[str]", environ: "Mapping[str, str]") -> str:
    """Where to look. A guess that is wrong finds a receipt of other words, or none."""
    typed = words[words.index("--root") + 1 :][:1] if "--root" in words else []
    return os.path.abspath(os.path.expanduser(typed[0] if typed else environ.get("HERO_ROOT") or "~/hero"))


def _taken(paths: "Iterable[str]", trees: "Iterable[str]", aside: "Sequence[str]") -> list[str]:
    """The stamps as fields: `=STAMP PATH`, `-FOLDER` (not walked), `/TREE`, and `.STAMP PATH` of what is in it."""
    fields = [*(f"={_stamp(path)} {path}" for path in paths), *(f"-{folder}" for folder in aside)]
    for tree in trees:
        fields.append(f"/{tree}")
        for entry in _walk(tree, {f"{tree}/.git", *aside}):
            fields.append(entry)
            if len(fields) > _MOST:
                raise InputsUnclear
    return fields


def _again(fields: list[str]) -> bool:
    """Whether the stamps, taken once more, are these."""
    paths = [field.partition(" ")[2] for field in fields if field[0] == "="]
    aside = [field[1:] for field in fields if field[0] == "-"]
    trees = [field[1:] for field in fields if field[0] == "/"]
    try:
        return _taken(paths, trees, aside) == fields
    except (OSError, InputsUnclear):
        return False


def _stamp(path: str) -> str:
    """Of a file, a folder or a link; of a link also what it leads to."""
    try:
        status = os.lstat(path)
    except OSError:
        return _ABSENT
    if not stat.S_ISLNK(status.st_mode):
        return _word(status)
    try:
        return f"{_word(status)};{_word(os.stat(path))}"
    except OSError:
        return _word(status)


def _walk(tree: str, aside: set[str]) -> "Iterator[str]":
    todo = [tree]
    while todo:
        with os.scandir(todo.pop()) as found:
            for entry in sorted(found, key=_name):
                if entry.path in aside:
                    continue
                status = entry.stat(follow_symlinks=False)
                yield f".{_word(status)} {entry.path}"
                if stat.S_ISDIR(status.st_mode):
                    todo.append(entry.path)
                if entry.name == ".git":
                    raise InputsUnclear  # a repository of its own, which git asks for itself


def _name(entry: "os.DirEntry[str]") -> str:
    return entry.name


def _word(status: os.stat_result) -> str:
    return f"{status.st_ino},{status.st_size},{status.st_mtime_ns},{status.st_ctime_ns},{status.st_mode}"


def _settled(fields: "Iterable[str]") -> bool:
    """Whether everything is older than this command by so much that a write in between would have another ctime."""
    stamped = [field[1:].partition(" ")[0] for field in fields if field[0] in "=."]
    words = [word for stamps in stamped if stamps != _ABSENT for word in stamps.split(";")]
    changed = (int(word.split(",")[3]) for word in words)
    return all(at < _BEGUN - (_TICK if at % 1_000_000 else _COARSE) for at in changed)


def _root_files(apps: "Iterable[str]", context: "Context") -> "Iterator[str]":
    """What is installed: the generation that is current, its files and links, and nothing left unfinished."""
    from hero_build import manifest
    from hero_build.install import links
    from hero_build.model.installed import PartId

    state, generation = context.root.state, manifest.load(context.root.path)
    current = os.path.join(state, f"generations/{generation.number}")
    yield from (os.path.join(state, name) for name in ("current", "generations", "staging"))
    yield from (os.path.join(current, name) for name in ("", "manifest.json", "seal.json"))
    records = [generation.records[part] for app in apps if (part := PartId(app)) in generation.records]
    yield from (os.path.join(current, file.path) for item in records for entry in item.entries for file in entry.files)
    yield from (str(context.root.place(name)) for name in links.names(records))


def _recipe_files(context: "Context") -> "Iterator[str]":
    """The recipes, where they are looked for, the config file, and hero-build itself."""
    import sys

    from hero_build.catalog.loader import shipped

    folders = {*context.settings.recipes, shipped()}
    yield from (str(path) for folder in folders for path in (folder, folder / "_sets.py"))
    yield from (str(path) for paths in context.catalog.files.values() for path in paths)
    yield from map(str, context.catalog.shared)
    yield str(context.settings.root / "cfg" / "hero_build.toml")
    own = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == "hero_build"]
    yield from (file for module in own if (file := getattr(module, "__file__", None)))


def _write(path: str, text: str) -> None:
    part = f"{path}.{os.getpid()}"
    try:
        with open(part, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
        os.replace(part, path)
    except OSError:
        return  # it would only have saved time
