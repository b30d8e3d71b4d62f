"""The names of apps as they are typed: `hero_db`, `hero_db@v0.3.2`, `@core`, `@installed`.

A `:` has no meaning in them yet and is in no app's name: it is left for instances of services, `hero_db:second`.
"""

from collections.abc import Mapping, Sequence

from hero_build.errors import UsageError

INSTALLED = "@installed"
"""The set of what is installed in the root."""
NEWEST = "latest"


def split_versions(words: Sequence[str]) -> tuple[tuple[str, ...], Mapping[str, str | None]]:
    """The names without versions, and the version of each that had one (None: the newest, `APP@latest`).

    Raises UsageError for a set with a version, an empty version, and an app with two versions; its name alone is the
    newest one, too. An app that a set names, too, has the version of its own word.
    """
    names: list[str] = []
    versions: dict[str, str | None] = {}
    for word in words:
        app, at, tag = word[1:].partition("@") if word.startswith("@") else word.partition("@")
        if at and (word.startswith("@") or not app):
            raise UsageError(f"{word!r} gives a set a version", "Name its apps, each as APP@VERSION.")
        if at and not tag:
            raise UsageError(f"{word!r} has no version after the @", f"Write {app}@VERSION, or {app} for the newest.")
        version = None if tag == NEWEST else tag
        if at and versions.setdefault(app, version) != version:
            raise UsageError(f"{app} is named with two versions", "Name each app once.")
        names.append(app if at else word)
    if twice := [app for app, version in versions.items() if version and app in words]:
        reason = f"{twice[0]} is named with a version and without one"
        raise UsageError(reason, f"Name it once: {twice[0]}@{versions[twice[0]]}, or {twice[0]} for the newest.")
    return tuple(dict.fromkeys(names)), versions


def one_version(word: str, version: str | None, option: str) -> tuple[str, str | None]:
    """The app and the version of `APP[@VERSION]` beside an option that names one, too. Raises UsageError."""
    (name,), versions = split_versions([word])
    if versions and version:
        raise _twice(option)
    return name, versions.get(name, version)


def check_versions(versions: Mapping[str, str | None], *, version: str | None, ref: str | None = None) -> None:
    """Raises UsageError where an option names what `APP@VERSION` names, too."""
    if versions and (version or ref):
        raise _twice("--version" if version else "--ref")


def _twice(option: str) -> UsageError:
    return UsageError(f"APP@VERSION and {option} exclude each other", f"Leave out {option}, or the @VERSION.")
