"""The next step after a 401, 403 or 404: it depends on who answered, and on whether a token was sent."""

from typing import Literal

from msgspec import Struct


class Access(Struct, frozen=True):
    """How a request was made.

    `forge`: host (and port) of the forge; `authorization`: whether there is a token, and whether it was sent;
    `reached`: the forge itself answered, or another host to which a `redirect` led, or one that a document of the forge
    names (`address`). `moved`: the forge itself at `address`, to which it redirects, without a change of path, as from
    http to https or to its canonical name.
    """

    forge: str
    authorization: Literal["none", "sent", "withheld"] = "none"
    reached: Literal["forge", "moved", "redirect", "address"] = "forge"
    address: str = ""

    @property
    def elsewhere(self) -> bool:
        return self.reached in ("redirect", "address")


def access_hint(status: int, access: Access) -> str:
    """The hint of the error for a status of 401, 403 or 404; of another host for any status below 500."""
    if access.reached == "moved":
        return _moved_hint(access)
    if access.reached == "redirect":
        return (
            f"{access.forge} sends there for the file, as to its storage: run it again, since such addresses expire; "
            "if it fails again, ask the operator of the forge."
        )
    if access.reached == "address":
        return _address_hint(access)
    if access.authorization == "none":
        return "If it is private, set FORGEJO_TOKEN to a token that may read it."
    if access.authorization == "withheld":
        return (
            f"The token was not sent because {access.forge} is reached over plain http: use https, "
            "or list that host under plain_http in cfg/hero_build.toml."
        )
    return _SENT.get(status, "")


def _moved_hint(access: Access) -> str:
    sentence = f"{access.forge} redirects to {access.address}"
    if access.authorization == "none":
        return f"{sentence}. If it is private, set FORGEJO_TOKEN, and use --forge {access.address}."
    return f"{sentence}, and the token is not sent to where a redirect leads: use --forge {access.address}."


def _address_hint(access: Access) -> str:
    sentence = f"The release names that address, which is not at {access.forge}"
    if access.authorization == "none":
        return f"{sentence}: does it open in a browser? If not, report it to the publisher of the release."
    return (
        f"{sentence}, and the token is sent to {access.forge} only. "
        "If both are one server, use with --forge the address that it has for itself (its ROOT_URL)."
    )


_SENT = {
    401: "Put a valid token into FORGEJO_TOKEN, or unset it: an invalid one is refused even where none is needed.",
    403: "The token in FORGEJO_TOKEN needs read access to repositories and packages (read:repository, read:package).",
    404: "A private repository answers 404 without read access: may the token in FORGEJO_TOKEN read it?",
}
