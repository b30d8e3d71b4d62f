"""File capabilities (capabilities(7)) of installed programs: `setcap` gave them to a file, and an upgrade replaces it.

They are of the inode, so each generation that links to the file has them; new content has none.
"""

import os
import shlex
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from hero_build.events import WarningRaised
from hero_build.install.layout import Root
from hero_build.install.recover import generation_numbers
from hero_build.install.seal import sealed_alike, sealed_size
from hero_build.model.installed import Generation
from hero_build.model.installed_parts import UnreadPart, stored_parts

_XATTR = "security.capability"
_EFFECTIVE = 1  # VFS_CAP_FLAGS_EFFECTIVE of linux/capability.h
_WORDS = (  # in the order of linux/capability.h, from 0
    "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service "
    "net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct "
    "sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control "
    "setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
)
_NAMES = tuple(_WORDS.split())


class LostCapabilities(Struct, frozen=True):
    """A file that lacks the capabilities of its predecessor: `path` in the root, `text` as setcap reads them."""

    path: str
    text: str
    command: str


def lost_capabilities(root: Root, generation: Generation) -> Iterator[LostCapabilities]:
    """Programs of a generation without capabilities, whose last other content in an older generation has some."""
    return _lost(root, generation, _programs(generation))


def _lost(root: Root, generation: Generation, programs: Iterable[str]) -> Iterator[LostCapabilities]:
    numbers = reversed(generation_numbers(root))
    older = [root.generation(number) for number in numbers if number < generation.number]
    for path in sorted(programs):
        file = root.generation(generation.number) / path
        if _read(file):
            continue
        if text := describe(_read_predecessor(file, older, path)):
            target = shlex.quote(str(root.place(path)))
            yield LostCapabilities(path, text, f'sudo setcap "{text}" "$(realpath {target})"')


def warnings(root: Root, before: Generation, after: Generation) -> Iterator[WarningRaised]:
    """One for each program that lost its capabilities from `before` to `after`."""
    if before.number == after.number:
        return
    old, new = root.generation(before.number), root.generation(after.number)
    others = _programs(after) - sealed_alike(old, new)
    replaced = {path for path in others if not _same_file(old / path, new / path)}
    for lost in _lost(root, after, replaced):
        text = f"{root.place(lost.path)} has no file capabilities any more: its last version had {lost.text}"
        yield WarningRaised(text, f"If it still needs them: `{lost.command}`")


def _same_file(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:  # there is none, or none any more
        return False


def describe(value: bytes) -> str:
    """The attribute's value (struct vfs_cap_data) as text of cap_from_text(3): `cap_net_bind_service=ep`."""
    if len(value) < 20:
        return ""
    magic, permitted, inheritable, permitted_high, inheritable_high = struct.unpack_from("<5I", value)
    sets = {"i": inheritable | inheritable_high << 32, "p": permitted | permitted_high << 32}
    clauses: dict[str, list[str]] = {}
    for number in range(64):
        flags = "".join(flag for flag, bits in sets.items() if bits >> number & 1)
        if flags:
            flags = f"e{flags}" if magic & _EFFECTIVE else flags
            clauses.setdefault(flags, []).append(f"cap_{_NAMES[number]}" if number < len(_NAMES) else str(number))
    return " ".join(f"{','.join(names)}={flags}" for flags, names in clauses.items())


def _programs(generation: Generation) -> set[str]:
    programs: set[str] = set()
    for part in stored_parts(generation.records).values():
        if isinstance(part, UnreadPart):
            programs.update(part.paths)
        else:
            programs.update(file.path for item in part.entries if item.artifact == "binary" for file in item.files)
    return programs


def _read_predecessor(file: Path, older: list[Path], path: str) -> bytes:
    """Of the newest of these generations in which the file is another one: what an owner removed before that stays
    removed. One that was damaged there, by its size, says nothing: it was repaired since.
    """
    for folder in older:
        try:
            status = (folder / path).stat()
            if os.path.samestat(status, file.stat()) or sealed_size(folder, path) not in (None, status.st_size):
                continue
            return _read(folder / path)
        except OSError:
            continue
    return b""


def _read(path: Path) -> bytes:
    try:
        return os.getxattr(path, _XATTR)
    except OSError:  # none, or a file system without them
        return b""
