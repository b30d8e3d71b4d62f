"""The options that select what to install: shared by `install`, `explain`, `shell` and `islands`."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import click

from hero_build.cli.base import NamedPath

F = TypeVar("F", bound=Callable[..., int])
_COMMON = (
    click.option(
        "--mode",
        type=click.Choice(["auto", "download", "source"]),
        default="auto",
        show_default=True,
        help="download, source, or auto (download if the release is complete, else build).",
    ),
    click.option("--version", metavar="TAG", help="Use this release instead of the newest."),
    click.option("--ref", metavar="REF", help="Build this branch, tag or commit."),
    click.option("--update", is_flag=True, help="Fast-forward the checkout before a build."),
    click.option("--reset", is_flag=True, help="Reinstall what is already installed."),
    click.option(
        "--checksum",
        type=click.Choice(["required", "if-present"]),
        default="if-present",
        show_default=True,
        help="Whether to refuse assets without a published checksum.",
    ),
)
_LOCKED = (
    click.option(
        "--locked",
        metavar="FILE",
        type=NamedPath(),
        help="Install exactly what a lock file pins; never build.",
    ),
    click.option("--at", metavar="PLACE", help="Fetch what is pinned from a mirror, a forge or a pack."),
    click.option("--digest", metavar="SHA256", help="Refuse a lock file with another sha256."),
    click.option("--trust", metavar="PUBKEY", help="Refuse a lock file that this minisign key has not signed."),
)
_BACKEND = click.option(
    "--backend",
    type=click.Choice(["direct", "wasm-pack"]),
    default="direct",
    show_default=True,
    help="Build bundles with cargo and wasm-bindgen, or with wasm-pack.",
)
_NO_OPT = click.option(
    "--no-opt", is_flag=True, help="Build without wasm-opt, for development: faster builds, larger bundles."
)


def app_options(function: F) -> F:
    """Add the options for programs."""
    return _decorate(function, (*_COMMON, *_LOCKED))


def bundle_options(function: F) -> F:
    """Add the options for the shell and the islands."""
    return _decorate(function, (*_COMMON, *_LOCKED, _BACKEND, _NO_OPT))


def _decorate(function: F, decorators: Sequence[Callable[[F], F]]) -> F:
    for decorator in reversed(decorators):
        function = decorator(function)
    return function
