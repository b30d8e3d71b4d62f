"""The cached answer of an install that had nothing to do: valid while no file changed that the decision depends on.

Such an install writes a receipt, `var/hero_build/receipt`: the command line, a stamp of every file that was read or
looked for, and the answer. The next install with the same command line compares the stamps; if all are equal, it prints
the same answer. That takes a few milliseconds and imports os alone, so the receipt is text with NUL between its fields:
importing a JSON decoder takes longer than all of it. Any doubt, such as an unreadable receipt, means a new decision.

Where a server was asked for releases, the receipt has the target and the digest of each answer, too, and they are asked
again: one request an app (forge/unchanged.py). The ids of the assets are among what must be the same. A server never
changes the bytes of an upload, so equal ids of an asset and of its checksum file mean equal contents.

A stamp has inode, size, mtime, ctime and mode; a program cannot set a ctime back, so a stamp changes with every write.
Checkouts are walked completely, except for .git (source/inputs.py names the files there) and cargo's target folders, so
that new files are noticed. Stamps are taken before the decision and again after it. They count only if both are equal
and older than the command by more than a clock tick of the file system (git's rule for "racy" entries).
"""

import errno
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

_FILE_NAME = "receipt"
_STARTED = time.time_ns()  # this module is imported before anything is read
_TICK, _COARSE = 50_000_000, 2_000_000_000
"""How much older than the command a stamp must be, in ns: on file systems with and without fractions of a second."""
_MAX_ENTRIES = 20_000  # in checkouts: walking more takes as long as asking git
_ABSENT = "absent"
_END_MARK = "end"  # a file without it was not written completely
IGNORED_VARIABLES = (
    *("_", "SHLVL", "OLDPWD", "COLUMNS", "LINES", "FORGEJO_TOKEN", "GITEA_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"),
    *("HERO_MINISIGN_KEY", "HERO_MINISIGN_PASSWORD"),
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE"),
)
"""Environment variables that no decision depends on. Any other may count: a recipe is code, and git reads many."""


class InputsUnclear(Exception):
    """The files that a decision depends on cannot be listed, or are too many."""


def recall(arguments: "Sequence[str]", environ: "Mapping[str, str]") -> str | None:
    """The cached answer to this command line, if it is still valid; else None."""
    if arguments[:1] != ["install"]:
        return None
    try:
        receipt = os.path.join(_root(arguments, environ), STATE, _FILE_NAME)
        if not stat.S_ISREG(os.stat(receipt).st_mode):  # opening a FIFO waits for a writer
            return None
        with open(receipt, encoding="utf-8", errors="surrogatepass") as file:
            answer, *fields, end = file.read().split("\0")
        key = _key_fields(arguments, environ)
        if end != _END_MARK or fields[: len(key)] != key:
            return None
        facts = fields[len(key) :]
        return answer if _unchanged(facts) and _unchanged_on_server(facts, environ) else None
    except (OSError, ValueError, IndexError):
        return None


def stamp_inputs(
    apps: "Iterable[str]", context: "Context", lock: "Sequence[Path]", *, asked: bool = False
) -> list[str] | None:
    """The stamps of all files that a decision about these apps depends on: a lock file with what vouches for it, or
    (none) their checkouts, unless releases are asked for.

    Returns None if they cannot be listed. Call it before the decision.
    """
    from hero_build.errors import HeroBuildError

    try:
        files = {*_root_files(apps, context), *_recipe_files(context)}
        if lock or asked:
            return _stamp_fields(sorted({*files, *(str(path.absolute()) for path in lock)}), (), ())
        return _stamp_checkouts(apps, context, files)
    except (OSError, ValueError, InputsUnclear, HeroBuildError):
        return None


def _stamp_checkouts(apps: "Iterable[str]", context: "Context", files: set[str]) -> list[str]:
    from hero_build.source.inputs import UnknownInputs, build_inputs  # cargo and git, for builds alone

    try:
        inputs = build_inputs([context.catalog.get(app).recipe for app in apps], context.settings)
    except UnknownInputs as error:
        raise InputsUnclear from error
    return _stamp_fields(sorted(files | inputs.files), sorted(inputs.trees), sorted(inputs.outputs))


def remember(
    stamps: list[str], *, plan: "Plan", context: "Context", arguments: "Sequence[str]", answer: str, asked: bool = False
) -> None:
    """Write the receipt of a plan that keeps everything; a root that cannot be written gets none.

    `stamps`: what `stamp_inputs` returned before the plan was made; `asked`: as there.
    """
    from hero_build.model.decisions import Keep
    from hero_build.ops.asked_releases import release_fields

    if plan.failed or not all(isinstance(item, Keep) for item in plan.decisions) or not answer.isascii():
        return
    no_trees = not any(field[0] == "/" for field in stamps)
    if no_trees and any(step.facts.build_plan for step in plan.steps):
        return  # the lock file or the forge led to a build, whose checkout has no stamps
    releases = release_fields(plan, context) if asked else []
    if releases is None:
        return
    if _older_than_command(stamps) and _unchanged(stamps):
        fields = (answer, *_key_fields(arguments, os.environ), *stamps, *releases, _END_MARK)
        _write(os.path.join(context.root.state, _FILE_NAME), "\0".join(fields))


def _key_fields(arguments: "Sequence[str]", environ: "Mapping[str, str]") -> list[str]:
    """User, machine, folder, environment (as a digest: it holds secrets) and arguments of the command."""
    from _blake2 import blake2b  # hashlib loads OpenSSL: 4 ms

    pairs = (f"{name}={environ[name]}" for name in sorted(environ) if name not in IGNORED_VARIABLES)
    digest = blake2b("\0".join(pairs).encode(errors="surrogateescape"), digest_size=16).hexdigest()
    machine = os.uname()
    caller = (__version__, digest, str(os.geteuid()), machine.nodename, machine.machine, os.getcwd())
    return [f"?{text}" for text in (*caller, str(len(arguments)), *arguments)]


def _root(arguments: "Sequence[str]", environ: "Mapping[str, str]") -> str:
    """The root, guessed without parsing. A wrong guess finds no receipt, or one of another command line."""
    flag = arguments[arguments.index("--root") + 1 :][:1] if "--root" in arguments else []
    return os.path.abspath(os.path.expanduser(flag[0] if flag else environ.get("HERO_ROOT") or "~/hero"))


def _stamp_fields(paths: "Iterable[str]", trees: "Iterable[str]", skipped: "Sequence[str]") -> list[str]:
    """The stamps as fields: `=STAMP PATH`, `-FOLDER` (not walked), `/TREE`, and `.STAMP PATH` for each entry of it."""
    fields = [*(f"={_stamp(path)} {path}" for path in paths), *(f"-{folder}" for folder in skipped)]
    for tree in trees:
        fields.append(f"/{tree}")
        for entry in _walk(tree, {f"{tree}/.git", *skipped}):
            fields.append(entry)
            if len(fields) > _MAX_ENTRIES:
                raise InputsUnclear
    return fields


def _unchanged(fields: list[str]) -> bool:
    """Whether taking the stamps again gives the same."""
    paths = [field.partition(" ")[2] for field in fields if field[0] == "="]
    skipped = [field[1:] for field in fields if field[0] == "-"]
    trees = [field[1:] for field in fields if field[0] == "/"]
    stamps = [field for field in fields if field[0] not in "!@"]
    try:
        return _stamp_fields(paths, trees, skipped) == stamps
    except (OSError, InputsUnclear):
        return False


def _unchanged_on_server(fields: list[str], environ: "Mapping[str, str]") -> bool:
    """Whether the releases, if a server was asked for any, are the same (`!SERVER`, `@DIGEST TARGET` of each)."""
    server = next((field[1:].split(" ") for field in fields if field[0] == "!"), None)
    if server is None:
        return True
    token = environ.get("FORGEJO_TOKEN", "").strip()
    if any(name.lower().endswith("_proxy") for name in environ) or not all("!" <= letter <= "~" for letter in token):
        return False
    from hero_build.forge.unchanged import ServerAddress, releases_unchanged

    scheme, host, port, netloc, trusted, connections = server
    releases = [(target, digest) for digest, _, target in (f[1:].partition(" ") for f in fields if f[0] == "@")]
    return releases_unchanged(
        ServerAddress(scheme, host=host, port=int(port), netloc=netloc),
        releases,
        token=token if trusted == "trusted" else "",
        connections=int(connections),
    )


def _stamp(path: str) -> str:
    """The stamp of a file, folder or link; that of a link includes its target."""
    try:
        status = os.lstat(path)
    except OSError as error:
        _raise_for_machine(error)
        return _ABSENT
    if not stat.S_ISLNK(status.st_mode):
        return _stat_text(status)
    try:
        return f"{_stat_text(status)};{_stat_text(os.stat(path))}"
    except OSError as error:
        _raise_for_machine(error)
        return _stat_text(status)


def _raise_for_machine(error: OSError) -> None:
    """What says nothing about a path ends the look: then the command decides. (os_errors takes time to import.)"""
    if error.errno in (errno.EIO, errno.ENOMEM, errno.ESTALE):
        raise error


def _walk(tree: str, skipped: set[str]) -> "Iterator[str]":
    folders = [tree]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in sorted(entries, key=_entry_name):
                if entry.path in skipped:
                    continue
                status = entry.stat(follow_symlinks=False)
                yield f".{_stat_text(status)} {entry.path}"
                if stat.S_ISDIR(status.st_mode):
                    folders.append(entry.path)
                if entry.name == ".git":
                    raise InputsUnclear  # a nested repository, which git reads on its own


def _entry_name(entry: "os.DirEntry[str]") -> str:
    return entry.name


def _stat_text(status: os.stat_result) -> str:
    return f"{status.st_ino},{status.st_size},{status.st_mtime_ns},{status.st_ctime_ns},{status.st_mode}"


def _older_than_command(fields: "Iterable[str]") -> bool:
    """Whether all stamps are so much older than this command that any later write has another ctime."""
    stamped = [field[1:].partition(" ")[0] for field in fields if field[0] in "=."]
    stats = [text for stamp in stamped if stamp != _ABSENT for text in stamp.split(";")]
    ctimes = (int(text.split(",")[3]) for text in stats)
    return all(ctime < _STARTED - (_TICK if ctime % 1_000_000 else _COARSE) for ctime in ctimes)


def _root_files(apps: "Iterable[str]", context: "Context") -> "Iterator[str]":
    """What is installed: the current generation, its files and links, and the folder of unfinished work."""
    from hero_build import manifest
    from hero_build.install import islands, links

    state, generation = context.root.state, manifest.load(context.root.path)
    current = os.path.join(state, f"generations/{generation.number}")
    yield from (
        os.path.join(state, name) for name in ("current", "generations", "staging", "held.json", "upgrade.json")
    )
    yield from (os.path.join(current, name) for name in ("", "manifest.json", "seal.json"))
    yield os.path.join(current, islands.INDEX)
    asked = set(apps)
    records = [record for part, record in generation.records.items() if part.app in asked]
    yield from (os.path.join(current, file.path) for item in records for entry in item.entries for file in entry.files)
    yield from (str(context.root.place(name)) for name in links.link_names(records))


def _recipe_files(context: "Context") -> "Iterator[str]":
    """The recipes, the folders that may hold some, the configuration file, and hero-build's own modules."""
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
    from contextlib import suppress
    from pathlib import Path

    from hero_build.system.atomic_file import replace_file

    with suppress(OSError):  # the cache only saves time
        replace_file(Path(path), text.encode(errors="surrogatepass"))
