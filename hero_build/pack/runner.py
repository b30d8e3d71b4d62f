"""The program `python` of a standalone pack: runs a file, `-m MODULE` or `-c CODE`, as an interpreter does.

It stands alone: PyInstaller makes an executable of it, with the standard library. The bootloader's own variables are
taken out of the environment, so that children, git and services among them, start as they would without it.
"""

import os
import runpy
import sys

_IGNORED = ("-I", "-S", "-s", "-E", "-B", "-u")


def main() -> None:
    """Run what the arguments name; options that choose where modules come from mean nothing here."""
    _clean_environment()
    words = sys.argv[1:]
    while words and words[0] in _IGNORED:
        words.pop(0)
    if not words:
        sys.exit("python: a file, -m MODULE or -c CODE is needed")
    if words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        exec(compile(words[1], "<string>", "exec"), vars(sys.modules["__main__"]))  # noqa: S102 - as `python -c`
    elif words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


def _clean_environment() -> None:
    for name in [name for name in os.environ if name.startswith("_PYI_")]:
        del os.environ[name]
    original = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    os.environ.pop("LD_LIBRARY_PATH", None)  # the loader has read it
    if original is not None:
        os.environ["LD_LIBRARY_PATH"] = original


if __name__ == "__main__":
    main()
