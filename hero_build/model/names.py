"""Names from outside: which may become a path, a tag or part of a URL, and which known name is nearest."""

from collections.abc import Iterable

from hero_build.errors import UnsafeName

_SWAP = 0.9  # edits
_MARGIN = 0.1  # of likeness: names that are further behind the best are not offered
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
    """The known names that `word` most likely stands for, best first; empty when none is close.

    A name that differs in case or separators only comes first, then one that has `word` as a part, then those that the
    fewest typing errors separate from it. `cutoff`: from 0 to 1, which is equality.
    """
    scores = {name: likeness(word, name) for name in known}
    best = max(scores.values(), default=0.0)
    least = max(cutoff, best - (_MARGIN if best < 1 else 0))
    close = [name for name, score in scores.items() if score >= least]
    return tuple(sorted(close, key=lambda name: (-scores[name], name))[:most])


def likeness(word: str, name: str) -> float:
    """How likely `word` stands for `name`, from 0 to 1: other case or separators, a part of it, typing errors."""
    typed, full = _parts(word), _parts(name)
    if typed == full or "".join(typed) == "".join(full):
        return 1.0
    if typed and full and (_contains(full, typed) or _contains(typed, full)):
        return 0.95
    one, other = word.casefold(), name.casefold()
    return 1 - edit_distance(one, other) / max(len(one), len(other), 1)


def edit_distance(one: str, other: str) -> float:
    """How many letters to insert, delete, replace or swap with their neighbour (Damerau and Levenshtein, restricted to
    adjacent swaps). A swap, the commonest slip of a typist, counts a little less than one.
    """
    before: list[float] = []
    last: list[float] = [float(column) for column in range(len(other) + 1)]
    for row, letter in enumerate(one, 1):
        line = [float(row)]
        for column, match in enumerate(other, 1):
            cost = min(last[column] + 1, line[-1] + 1, last[column - 1] + (letter != match))
            if row > 1 < column and letter == other[column - 2] and one[row - 2] == match and letter != match:
                cost = min(cost, before[column - 2] + _SWAP)
            line.append(cost)
        before, last = last, line
    return last[-1]


def _parts(name: str) -> list[str]:
    """The words of a name: `@hero-DB` and `hero_db` have the same."""
    return "".join(letter if letter.isalnum() else " " for letter in name.casefold()).split()


def _contains(parts: list[str], few: list[str]) -> bool:
    return any(parts[start : start + len(few)] == few for start in range(len(parts) - len(few) + 1))


def _article(noun: str) -> str:
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"
