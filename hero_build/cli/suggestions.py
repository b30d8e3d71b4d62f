"""Commands and options that other package managers have: what they are called here. Imported only for an error."""

import shlex
from collections.abc import Callable, Collection, Mapping, Sequence

from hero_build.catalog.unknown_app import UPGRADE_ITSELF
from hero_build.model.names import edit_distance, nearest

COMMANDS: Mapping[str, str] = {
    "add": "install",
    "autoremove": "gc",
    "back": "rollback",
    "build": "install --mode source",
    "changelog": "history",
    "check": "verify",
    "clean": "gc",
    "cleanup": "gc",
    "delete": "uninstall",
    "diagnose": "troubleshoot",
    "down": "stop",
    "disable": "stop",
    "dist-upgrade": "upgrade",
    "download": "mirror",
    "enable": "start",
    "fetch": "mirror",
    "find": "search",
    "fix": "verify --repair",
    "freeze": "lock",
    "full-upgrade": "upgrade",
    "i": "install",
    "get": "install",
    "info": "show",
    "installed": "list --installed",
    "journal": "logs",
    "journalctl": "logs",
    "kill": "stop",
    "log": "logs",
    "ls": "list",
    "man": "help",
    "outdate": "outdated",
    "pin": "hold",
    "prune": "gc",
    "ps": "status",
    "pull": "install",
    "purge": "uninstall",
    "push": "publish",
    "query": "search",
    "rebuild": "install --mode source --reset",
    "refresh": "upgrade",
    "reinstall": "install --reset",
    "reload": "restart",
    "remove": "uninstall",
    "repair": "verify --repair",
    "revert": "rollback",
    "rm": "uninstall",
    "switch": "rollback",
    "sync": "install --locked hero.lock",
    "tail": "logs",
    "test": "verify",
    "top": "status",
    "undo": "rollback",
    "unpin": "unhold",
    "up": "upgrade",
    "update": "upgrade",
    "usage": "help",
    "versions": "show",
    "view": "show",
    "whatsnew": "outdated",
    "where": "show",
    "which": "show",
    "why": "explain",
}
"""The verbs of apt, brew, cargo, npm, systemctl and docker, and the command that does it here."""

_LOGIN = "hero-build has no login: the token of the forge is in FORGEJO_TOKEN."
_SETTINGS = "`hero-build doctor` shows all settings and where each comes from; docs/install.md explains them."
HINTS: Mapping[str, str] = {
    "auth": _LOGIN,
    "cache": "`hero-build doctor` shows its size, and `hero-build gc --cache` frees it.",
    "config": _SETTINGS,
    "downgrade": "`hero-build install APP@VERSION` installs an older version; `hero-build rollback` undoes a command.",
    "env": _SETTINGS,
    "exec": "Programs are in <root>/bin: start one by its name. `hero-build start APP` runs an app's services.",
    "init": "There is nothing to set up: `hero-build install APP` does all of it.",
    "login": _LOGIN,
    "logout": _LOGIN,
    "release": "`hero-build show APP --release` shows a release, and `hero-build publish APP --tag TAG` makes one.",
    "releases": "`hero-build show APP --release` shows a release, and `hero-build publish APP --tag TAG` makes one.",
    "run": "Programs are in <root>/bin: start one by its name. `hero-build start APP` runs an app's services.",
    "self": UPGRADE_ITSELF,
    "self-update": UPGRADE_ITSELF,
    "self-upgrade": UPGRADE_ITSELF,
    "services": "`hero-build status` shows them, and `hero-build health` whether they are well.",
    "set": _SETTINGS,
    "settings": _SETTINGS,
    "whoami": _LOGIN,
    "version": "`hero-build --version` prints it, and `hero-build list` the versions of apps.",
}
"""Verbs for which no command stands, or another one with other arguments: what does that here."""

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "--all": ("@all",),
    "--bind": ("--http",),
    "--binary": ("--mode download",),
    "--branch": ("--ref",),
    "--build": ("--mode source",),
    "--build-from-source": ("--mode source",),
    "--check": ("--dry-run",),
    "--colour": ("--color",),
    "--commit": ("--ref",),
    "--debug": ("--verbose",),
    "--destdir": ("--root",),
    "--dir": ("--root",),
    "--fix": ("--repair",),
    "--force": ("--reset", "--clobber"),
    "--force-reinstall": ("--reset",),
    "--format": ("--json",),
    "--frozen": ("--locked",),
    "--from-source": ("--mode source",),
    "--git": ("--ref",),
    "--global": ("--root",),
    "--host": ("--http",),
    "--index-url": ("--forge",),
    "--listen": ("--http",),
    "--no-act": ("--dry-run",),
    "--no-binary": ("--mode source",),
    "--no-color": ("--color never",),
    "--no-colour": ("--color never",),
    "--only-binary": ("--mode download",),
    "--out": ("--output",),
    "--parallel": ("--jobs",),
    "--port": ("--http",),
    "--prefix": ("--root",),
    "--pre": ("--version",),
    "--registry": ("--forge",),
    "--reinstall": ("--reset",),
    "--release": ("--version",),
    "--repo": ("--forge",),
    "--rev": ("--ref",),
    "--silent": ("--quiet",),
    "--simulate": ("--dry-run",),
    "--source": ("--mode source",),
    "--system": ("--root",),
    "--tag": ("--version",),
    "--tail": ("--lines",),
    "--threads": ("--jobs",),
    "--timeout": ("--wait",),
    "--user": ("--root",),
    "--what-if": ("--dry-run",),
}
"""What options of the same programs are called here; that which the command has counts."""

_QUESTIONS = frozenset({"-y", "--yes", "--assume-yes", "--non-interactive", "--no-confirm", "--noconfirm"})
_NEWEST = frozenset({"-U", "--latest", "--newest", "--upgrade"})
_ALL, _OF_ALL = frozenset({"-a", "--all"}), frozenset({"health", "list", "outdated", "status", "upgrade", "verify"})
_CLOSE = 0.6  # of likeness
_FEW_EDITS = 1.0


def command_for(name: str, known: Collection[str]) -> str:
    """The command line that `name` most likely stands for, without the program's name; empty: none."""
    meaning = COMMANDS.get(name.casefold().replace("_", "-"), "")
    if meaning.split(" ")[0] in known:
        return meaning
    if close := nearest(name, known, most=1, cutoff=_CLOSE):
        return close[0]
    slips = [verb for verb in COMMANDS if edit_distance(name.casefold(), verb) <= _FEW_EDITS and len(verb) > 3]
    return next((COMMANDS[verb] for verb in slips if COMMANDS[verb].split(" ")[0] in known), "")


def unknown_command(
    name: str, rest: Sequence[str], known: Collection[str], *, parses: Callable[[Sequence[str]], bool] = lambda _: True
) -> tuple[str, str]:
    """The sentence and the hint for a command that does not exist; the hint repeats what was typed after it, where that
    `parses` as a command line.
    """
    if hint := HINTS.get(name.casefold().replace("_", "-")):
        return f"unknown command {name!r}", hint
    if meant := command_for(name, known):
        words = [*meant.split(" "), *rest]
        hint = f"Type `{shlex.join(['hero-build', *words])}`."
        if not parses(words):
            hint = f"`hero-build {words[0]} --help` says what it takes."
        return f"unknown command {name!r}, did you mean {meant}?", hint
    return f"unknown command {name!r}", "`hero-build --help` lists the commands."


def unknown_option(name: str, known: Collection[str], command: str) -> tuple[str, str]:
    """The sentence and the hint for an option that `command` does not have; `known`: those that it has."""
    option = name.partition("=")[0]
    sentence, help_text = f"{command} has no option {option}", f"`{command} --help` lists its options."
    if option in _QUESTIONS:
        return sentence, "hero-build asks no questions: leave it out."
    if option in _ALL and command.removeprefix("hero-build ") in _OF_ALL:
        return sentence, "Leave it out: without APP it means all."
    if option in _NEWEST and command == "hero-build install":
        return sentence, "Leave it out: without APP@VERSION it is the newest release."
    meant = next((word for word in OPTIONS.get(option, ()) if word.split(" ")[0] in known), "")
    names = [word for word in known if word.startswith("--")]
    longer = [word for word in names if word.startswith(option)] if len(option) > len("--") else []
    close = [meant] if meant else longer[:2] or nearest(option, names, most=2, cutoff=_CLOSE)
    if not close and " " not in command:
        return sentence, f"Options of a command come after it: `{command} COMMAND {option}`. {help_text}"
    return sentence, f"Did you mean {' or '.join(close)}? {help_text}" if close else help_text
