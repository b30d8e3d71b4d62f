"""Paths of checkouts, URLs of repositories, and the names that git accepts for a ref."""

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote

from msgspec import Struct

from hero_build.errors import UnsafeName
from hero_build.model.names import check_repo, check_tag

STATE_FOLDER = ".hero-build"
"""The folder beside checkouts that holds their locks and unfinished clones."""
_SCP_PREFIX = r"^(?:[^@/\s]+@)?[^/:\s]+:(?!//)"  # git@forge:owner/name
_CREDENTIALS = r"(?<=://)[^/@\s]*@"


class Checkout(Struct, frozen=True):
    """A repo (`owner/name`), the path of its work tree, existing or not, and the URL to clone it from."""

    path: Path
    repo: str
    url: str


def checkout(coderoot: Path, repo: str, forge: str) -> Checkout:
    """The checkout of a repo below `coderoot`, from `forge` (`https://HOST`, `file:///DIR`). Raises UnsafeName."""
    return Checkout(locate(coderoot, repo), repo, clone_url(forge, repo))


def sibling(beside: Checkout, repo: str, forge: str) -> Checkout:
    """The checkout that path dependencies of `beside` refer to as `../name`. Raises UnsafeName."""
    _, name = check_repo(repo)
    return Checkout(beside.path.parent / name, repo, clone_url(forge, repo))


def locate(coderoot: Path, repo: str) -> Path:
    """`<coderoot>/<owner>/<name>`, or `<coderoot>/<name>` where only that exists. Raises UnsafeName."""
    owner, name = check_repo(repo)
    nested, flat = coderoot / owner / name, coderoot / name
    return flat if not os.path.lexists(nested) and os.path.lexists(flat / ".git") else nested


def clone_url(forge: str, repo: str) -> str:
    """The URL of a repo on a server, or of its bare repository in a mirror. Raises UnsafeName."""
    owner, name = check_repo(repo)
    return f"{forge.rstrip('/')}/{quote(owner)}/{quote(name)}.git"


def url_matches(url: str, repo: str) -> bool:
    """Whether `url` ends in `owner/name`, on any server and by any protocol; servers ignore case."""
    path = re.sub(_SCP_PREFIX, "", url) if "://" not in url else url.split("://", 1)[1]
    segments = unquote(path).rstrip("/").removesuffix(".git").split("/")
    return "/".join(segments[-2:]).casefold() == repo.casefold()


def without_credentials(text: str) -> str:
    """`text` without the `user:password@` of URLs in it."""
    return re.sub(_CREDENTIALS, "", text)


def check_ref(ref: str) -> str:
    """`ref` itself if it can name a branch, a tag or a commit, and is not an option. Raises UnsafeName."""
    try:
        if not ref.startswith("-"):
            return check_tag(ref)
    except UnsafeName:
        pass  # raised below, about a ref
    raise UnsafeName(f"{ref!r} cannot be a branch, a tag or a commit", "See git-check-ref-format(1) for the rules.")
