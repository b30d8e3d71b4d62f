"""Names from outside: which may become a path, a tag or part of a URL, and which known name is nearest."""

from collections.abc import Iterable

from hero_build.errors import UnsafeName

_MAX_BYTES = 255  # bytes: what one path segment may hold on Linux
_FORBIDDEN_IN_TAG = frozenset(" ~^:?*[\\")
_HINT = "The name comes from outside; ask its publisher for a plain one."


def safe_name(name: str) -> bool:
    """Whether `name` is one path segment that stays in its folder and is printed as it is.

    No `/`, `.`, `..`, NUL, control, bidirectional or unassigned characters, and at most 255 bytes.
    """
    if name in ("", ".", "..") or "/" in name or not name.isprintable():
        return False
    return len(name.encode()) <= _MAX_BYTES


def check_name(name: str, what: str) -> str:
    """`name` itself, the name of a `what` (`"asset"`). Raises UnsafeName."""
    if not safe_name(name):
        raise UnsafeName(f"{name!r} cannot be the name of {_article(what)}", _HINT)
    return name


def check_tag(tag: str) -> str:
    """`tag` itself, if git accepts it (git-check-ref-format(1)) also as an argument, and it is printed as it
    is. Raises UnsafeName.
    """
    segments = tag.split("/")
    valid = (
        tag.isprintable()
        and not tag.startswith("-")
        and not _FORBIDDEN_IN_TAG.intersection(tag)
        and ".." not in tag
        and "@{" not in tag
        and not tag.endswith(".")
        and all(part and not part.startswith(".") and not part.endswith(".lock") for part in segments)
        and len(tag.encode()) <= _MAX_BYTES
    )
    if not valid:
        raise UnsafeName(f"{tag!r} cannot be a tag", "A version is a git tag, such as v0.3.2.")
    return tag


def check_repo(repo: str) -> tuple[str, str]:
    """Owner and name of `owner/name`. Raises UnsafeName."""
    owner, _, name = repo.partition("/")
    if not (safe_name(owner) and safe_name(name)):
        raise UnsafeName(f"{repo!r} is not a repository", "A recipe's repo is written owner/name.")
    return owner, name


def nearest(word: str, known: Iterable[str], most: int = 3, cutoff: float = 0.5) -> tuple[str, ...]:
    """The known names most like `word`, best first; empty when none is close (`cutoff`: 1.0 is equality)."""
    import difflib  # only for an error message

    return tuple(difflib.get_close_matches(word, list(known), most, cutoff))


def _article(noun: str) -> str:
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"
