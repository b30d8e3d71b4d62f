"""`lock`, `mirror`, `pack`: for machines without a network, and for machines that must all have the same versions."""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from hero_build.cli import completion
from hero_build.cli.app_names import check_versions, split_versions
from hero_build.cli.base import NamedPath, command
from hero_build.cli.locked import locked_apps
from hero_build.cli.session import Session
from hero_build.errors import UsageError
from hero_build.system.output_file import check_output_file

if TYPE_CHECKING:
    from hero_build.context import Context
    from hero_build.model.failure import Failure
    from hero_build.ops.write_pack import PackRequest

_PATH = NamedPath()


@command("lock")
@click.argument("apps", nargs=-1, metavar="APP...", shell_complete=completion.apps)
@click.option("--installed", is_flag=True, help="Pin the installed releases: of all apps, or of those named.")
@click.option("-o", "--output", "file", metavar="FILE", required=True, type=_PATH, help="Write the lock file FILE.")
@click.option("--offline", is_flag=True, help="With --installed: pin what the manifest records; ask no forge.")
@click.option("--sign", "key", metavar="KEYFILE", type=_PATH, help="Sign it with this minisign key, as FILE.minisig.")
def lock(session: Session, apps: Sequence[str], file: Path, *, installed: bool, offline: bool, key: Path | None) -> int:
    """Write a lock file of apps' newest releases for this machine, of APP@VERSION, or of what is installed: programs,
    and the shell and islands of the desktop.

    Install from it with `install --locked FILE`.
    """
    from hero_build.ops.pin_installed import pin_installed
    from hero_build.ops.write_lockfile import pin
    from hero_build.output.pages.maintenance import lock_page
    from hero_build.publish.signing import read_signer
    from hero_build.queries.apps import by_app, present

    signer = read_signer(key, os.environ) if key else None
    check_output_file(file)
    context = session.context()
    names, versions = split_versions(apps)
    if offline and not installed:
        raise UsageError("--offline goes with --installed", "The newest releases are what the forge says.")
    if installed:
        if versions:
            raise UsageError(
                "APP@VERSION and --installed exclude each other", "Leave out --installed, or the @VERSION."
            )
        known = by_app(session.generation())
        chosen = present(names or ("@all",), known, context.catalog)
        answer = pin_installed(chosen, file=file, context=context, signer=signer, offline=offline)
    elif names:
        chosen = session.apps(context.catalog, names)
        answer = pin(chosen, versions=versions, file=file, context=context, signer=signer)
    else:
        raise UsageError("no app is named", "Name apps, or use --installed for all that are installed.")
    return session.console.answer(
        answer, lambda terminal: lock_page(answer, terminal), code=answer.code, failed=answer.failed
    )


@command("mirror")
@click.argument("apps", nargs=-1, required=True, metavar="APP...", shell_complete=completion.apps)
@click.argument("directory", metavar="DIR", type=_PATH)
@click.option("--version", metavar="TAG", help="Use this release instead of the newest.")
def mirror(session: Session, apps: Sequence[str], directory: Path, version: str | None) -> int:
    """Copy apps' releases, for all platforms, into a directory; APP@VERSION names one. Install from it with --forge file:///DIR."""
    from hero_build.ops import write_mirror
    from hero_build.output.pages.maintenance import mirror_page

    context = session.context()
    typed, versions = split_versions(apps)
    check_versions(versions, version=version)
    names = session.apps(context.catalog, typed)
    tags = {app: versions.get(app, version) for app in names}
    answer = write_mirror.mirror(names, versions=tags, directory=directory, context=context)
    return session.console.answer(
        answer, lambda terminal: mirror_page(answer, terminal), code=answer.code, failed=answer.failed
    )


@command("pack")
@click.argument("apps", nargs=-1, metavar="APP...", shell_complete=completion.apps)
@click.option("-o", "--output", "file", metavar="FILE", required=True, type=_PATH, help="Write the pack FILE.")
@click.option("--locked", metavar="LOCK", type=_PATH, help="Pack what this lock file pins, or APP... of it.")
@click.option("--at", metavar="PLACE", help="Fetch what the lock file pins from a mirror, a forge or a pack.")
@click.option("--standalone", is_flag=True, help="Bring a Python along, for machines with an older one or none.")
def pack(
    session: Session, apps: Sequence[str], *, file: Path, locked: Path | None, at: str | None, standalone: bool
) -> int:
    """Write one executable file with apps' newest releases for this machine, or APP@VERSION, and hero-build itself.

    `./FILE install` installs them without a network; every other command works through it, too.
    """
    from hero_build.ops.write_pack import pack
    from hero_build.output.pages.maintenance import pack_page

    check_output_file(file)
    context, request, failed = _pack_request(session, apps, file=file, locked=locked, at=at)
    answer = pack(replace(request, standalone=standalone), context, failed)
    return session.console.answer(
        answer, lambda terminal: pack_page(answer, terminal), code=answer.code, failed=answer.failed
    )


def _pack_request(
    session: Session, apps: Sequence[str], *, file: Path, locked: Path | None, at: str | None
) -> "tuple[Context, PackRequest, tuple[Failure, ...]]":
    """What to pack, and from where: a lock file, or one that is written for it."""
    from hero_build.forge import lockfile
    from hero_build.ops.write_lockfile import pin
    from hero_build.ops.write_pack import PackRequest, has_digests, only

    if locked is not None:
        from hero_build.ops.open_lock import LockOptions, open_lock, signature_of

        opened = open_lock(LockOptions(locked, at=at), session.settings, session.console.report)
        context = session.context(opened.forge)
        if not apps:
            locked_apps(opened, context.catalog)
        content = lockfile.read_content(locked)
        lock = lockfile.parse(content, locked)
        if apps:
            return context, PackRequest(only(lock, session.apps(context.catalog, apps)), file), ()
        signature = signature_of(locked)
        signed = signature.read_bytes() if signature.is_file() else None
        return context, PackRequest(lock, file, content=content if has_digests(lock) else None, signature=signed), ()
    if at is not None:
        raise UsageError("--at goes with --locked", "Name the lock file whose contents are there, or leave out --at.")
    if not apps:
        raise UsageError("no app is named", "Name apps, @SET, or a lock file with --locked.")
    context = session.context()
    typed, versions = split_versions(apps)
    names = session.apps(context.catalog, typed)
    with TemporaryDirectory() as folder:
        answer = pin(names, versions=versions, file=Path(folder) / file.name, context=context)
        empty = lockfile.Lock(answer.arch, answer.forge, ())
        lock = empty if answer.failed else lockfile.read(Path(folder) / file.name)
    return context, PackRequest(lock, file), answer.failed
