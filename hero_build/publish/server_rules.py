"""What a server forbids for good, asked before anything is uploaded, as far as its API says it.

It says whether files can be attached at all, and to an administrator of the repository which tags are protected. It
does not say which types of files and which sizes a release may have: those show with the first upload.
"""

import re
from collections.abc import Iterable

from hero_build.errors import AuthError
from hero_build.publish.api import Api
from hero_build.publish.api_documents import RemoteRepository, TagProtection
from hero_build.publish.http import PROTECTED_TAG

_SWITCH_ON = "Ask its administrator to switch attachments on (ENABLED of [attachment]), or publish elsewhere with --to."
_GLOB = re.compile(r"\\(?P<plain>.)|(?P<any>\*+)|(?P<one>\?)|\[(?P<set>!?[^\]]+)\]|(?P<group>[{},])|(?P<rest>.)", re.S)


def check_attachments(api: Api) -> None:
    """Raises AuthError where no release can have files."""
    if not api.accepts_attachments():
        raise AuthError("the server accepts no files for releases: attachments are switched off there", _SWITCH_ON)


def protected_tag_error(api: Api, repository: RemoteRepository, tag: str) -> AuthError | None:
    """The error where this token may not create the tag, however often it is tried; None where it may, or where the
    server does not show it.
    """
    protections = api.tag_protections(repository.name) if repository.admin else ()
    if not protections or (pattern := _forbidden_by(protections, tag, api.user())) is None:
        return None
    sentence = f"{tag} is a protected tag of {repository.name} ({pattern}), which this token's user may not create"
    return AuthError(sentence, PROTECTED_TAG)


def _forbidden_by(protections: Iterable[TagProtection], tag: str, user: str | None) -> str | None:
    """The pattern that forbids the tag; None where one of those that match it allows it, or may allow it."""
    matching = [item for item in protections if _matches(item.name_pattern, tag)]
    if not matching or any(_may_allow(item, user) for item in matching):
        return None
    return matching[0].name_pattern


def _may_allow(protection: TagProtection, user: str | None) -> bool:
    names = {name.lower() for name in protection.whitelist_usernames or ()}
    return bool(protection.whitelist_teams) or (bool(names) and (user is None or user.lower() in names))


def _matches(pattern: str, tag: str) -> bool:
    """Whether a protection is for a tag; its pattern is a glob, or a regular expression between slashes. False for one
    that cannot be understood.
    """
    try:
        if len(pattern) > 1 and pattern[0] == pattern[-1] == "/":
            return re.search(pattern[1:-1], tag) is not None
        return re.fullmatch(_from_glob(pattern), tag, re.S) is not None
    except re.error:
        return False


def _from_glob(pattern: str) -> str:
    """The regular expression of a glob in which `*` matches slashes, too, and `{a,b}` is a choice."""
    return "".join(_translated(match) for match in _GLOB.finditer(pattern))


def _translated(match: "re.Match[str]") -> str:
    kind, text = match.lastgroup, match[match.lastgroup or 0]
    match kind:
        case "any":
            return ".*"
        case "one":
            return "."
        case "set":
            inner = re.escape(text.removeprefix("!")).replace(r"\-", "-")
            return f"[{'^' if text.startswith('!') else ''}{inner}]"
        case "group":
            return {"{": "(?:", ",": "|", "}": ")"}[text]
        case _:
            return re.escape(text)
