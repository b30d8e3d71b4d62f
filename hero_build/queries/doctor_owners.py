"""The checks of `doctor` of what a user or a mount took from the root: owners, execution, file capabilities."""

import grp
import os
from collections.abc import Iterator
from contextlib import suppress

from hero_build import manifest, ownership
from hero_build.errors import HeroBuildError
from hero_build.install.capabilities import lost_capabilities
from hero_build.install.layout import Root
from hero_build.queries.doctor_checks import DoctorCheck


def owners(root: Root) -> Iterator[DoctorCheck]:
    """Check that one user or a group owns the root, that it may run programs, and that they kept their capabilities."""
    if not os.path.isdir(root.path):
        return
    yield _one_owner(root)
    yield _execution(root)
    with suppress(HeroBuildError):  # an unreadable manifest is another check's
        for lost in lost_capabilities(root, manifest.load(root.path)):
            yield DoctorCheck(
                "root",
                name="capabilities",
                state="warning",
                value=f"{lost.path} lost {lost.text}, which the version before it has",
                hint=f"If it still needs them: `{lost.command}`",
            )


def _one_owner(root: Root) -> DoctorCheck:
    foreign = list(ownership.foreign_files(root.path))
    group = ownership.sharing_group(root.path)
    if foreign:
        path, owner = foreign[0]
        command = ownership.repair_command(root.path)
        hint = f"`{command}`" if command else "Run hero-build as the root's owner, or name another with --root."
        kind = "folders that the group may not write" if group is not None else "of another user"
        value = f"{len(foreign)} {kind}, first {path} of {owner}"
        return DoctorCheck("root", name="owner", state="warning", value=value, hint=hint)
    value = "one user" if group is None else f"shared by the group {_group_name(group)}"
    return DoctorCheck("root", name="owner", state="ok", value=value)


def _execution(root: Root) -> DoctorCheck:
    folder = root.state if root.state.is_dir() else root.path
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        hint = "Mount it without noexec, or name another root with --root."
        value = f"{folder} is mounted noexec: no installed program can start"
        return DoctorCheck("root", name="mount", state="warning", value=value, hint=hint)
    return DoctorCheck("root", name="mount", state="ok", value="programs may run from it")


def _group_name(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)
