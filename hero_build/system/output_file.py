"""Whether a file can be written, or a folder be made, before the work for it begins."""

import os
import shlex
from pathlib import Path

from hero_build.errors import NotWritable, UsageError
from hero_build.ownership import OTHER_FILE, existing


def check_output_file(file: Path) -> None:
    """For the value of -o. Raises NotWritable for a folder, and where its folder is missing or not writable; UsageError
    for what means stdout elsewhere.
    """
    if str(file) == "-":
        raise UsageError("-o takes the name of a file, and - is none", "Name a file, and print it with `cat`.")
    folder = file.absolute().parent
    if file.is_dir():
        raise NotWritable(f"{file} is a folder", f"-o names the file to write: -o {shlex.quote(str(file / 'NAME'))}.")
    if file.exists() and not file.is_file():
        raise NotWritable(f"{file} is not a regular file", f"Name {OTHER_FILE}.")
    if not os.path.lexists(folder):
        hint = f"Create it (`mkdir -p {shlex.quote(str(folder))}`), or name {OTHER_FILE}."
        raise NotWritable(f"the folder {folder} does not exist", hint)
    _check_folder(folder, OTHER_FILE)


def check_output_folder(folder: Path, other: str) -> None:
    """For a folder that is made if it does not exist. Raises NotWritable."""
    _check_folder(existing(folder.absolute()), other)


def _check_folder(folder: Path, other: str) -> None:
    if not folder.is_dir():
        raise NotWritable(f"{folder} is not a folder", f"Name {other}.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise NotWritable(f"cannot write in {folder}", f"Make it writable for this user, or name {other}.")
