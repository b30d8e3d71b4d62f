"""Becomes `__main__.py` of a pack: unpacks the hero-build in it, once, and starts that.

It stands alone, and old versions of Python must be able to read it: they get a sentence, not a SyntaxError.
"""

import os
import runpy
import sys

NAME = "@NAME@"
SHA256 = "@SHA256@"
MACHINE = "@MACHINE@"
LIBC = "@LIBC@"
PYTHONS = ((3, 11), (3, 12), (3, 13), (3, 14))
TOOL = "tool.zip"
COMMON = "lib/"
SUPPORTED = "Python 3.11 to 3.14 (CPython)"


def main():  # type: () -> None
    """Start the command line that is in this pack."""
    pack = os.path.abspath(sys.argv[0])
    _check_machine()
    tag = "cp{}{}".format(*sys.version_info[:2])
    folder = _unpacked(f"{NAME}-{tag}") or _unpack(pack, tag)
    os.environ["HERO_BUILD_PACK"] = pack
    sys.path[0] = folder
    runpy.run_module("hero_build", run_name="__main__")


def _check_machine():  # type: () -> None
    machine = os.uname()[4]
    if machine != MACHINE:
        sentence = f"this pack is for {MACHINE} machines, and this one is {machine}"
        refuse(sentence, "Make one on a machine like this one: hero-build pack.")
    if _libc() != LIBC:
        sentence = "this pack is for Pythons on {}, and {} is on {}".format(LIBC, sys.executable or "this", _libc())
        refuse(sentence, "Make one on a machine like this one: hero-build pack.")
    implementation = getattr(getattr(sys, "implementation", None), "name", "Python")
    if implementation == "cpython" and sys.version_info[:2] in PYTHONS and "t" not in sys.abiflags:
        return
    if not os.environ.get("HERO_BUILD_PACK_PYTHON"):  # else the Python that it names was no better
        for name in ("python3.14", "python3.13", "python3.12", "python3.11"):
            for place in os.environ.get("PATH", "").split(os.pathsep):
                if os.access(os.path.join(place, name), os.X_OK):
                    environ = dict(os.environ, HERO_BUILD_PACK_PYTHON=name)
                    os.execve(os.path.join(place, name), [name] + sys.argv, environ)  # noqa: RUF005, S606 - for an old Python
    version = "{}.{}.{}".format(*sys.version_info[:3])
    sentence = "this pack needs {}, and {} is {} {}".format(
        SUPPORTED, sys.executable or "this", implementation, version
    )
    refuse(sentence, "Install python3.11 or newer, or make the pack with --standalone, which brings its own.")


def _libc():  # type: () -> str
    try:
        return "glibc" if os.confstr("CS_GNU_LIBC_VERSION") else "musl"
    except (ValueError, OSError):
        return "musl"


def _unpacked(name):  # type: (str) -> str
    """The folder in which this tool has been unpacked; empty if none of the places has it."""
    folders = [os.path.join(place, name) for place in _places()]
    folder = next((folder for folder in folders if _is_trusted(folder)), "")
    if folder:
        _mark_as_used(folder)
    return folder


def _is_trusted(folder):  # type: (str) -> bool
    """Whether nobody else can have put a program there."""
    owners = (0, os.geteuid(), int(os.environ.get("SUDO_UID", "0") if os.geteuid() == 0 else 0))
    try:
        status = os.stat(folder)
    except OSError:
        return False
    return status.st_uid in owners and not status.st_mode & 0o002


def _mark_as_used(folder):  # type: (str) -> None
    """`gc` deletes tools that no command has used for a while."""
    try:  # noqa: SIM105 - each start would import contextlib
        os.utime(folder)
    except OSError:  # another user's
        pass


def _places():  # type: () -> list[str]
    """Where tools are unpacked: in the root, which holds programs; if it refuses that, in the cache."""
    words = sys.argv[1:]
    flags = [word[7:] for word in words if word.startswith("--root=")]
    flags += [words[index + 1] for index, word in enumerate(words[:-1]) if word == "--root"]
    root = (flags or [""])[-1] or os.environ.get("HERO_ROOT") or "~/hero"
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    cache = os.environ.get("HERO_BUILD_CACHE") or os.path.join(home, "hero-build")
    places = (os.path.join(root, "var", "hero_build", "tools"), os.path.join(cache, "tools"))
    return [os.path.abspath(os.path.expanduser(place)) for place in places]


def _unpack(pack, tag):  # type: (str, str) -> str
    """Unpack the tool into a new folder, which appears with one rename; if another process was faster, use its own."""
    import tempfile

    reasons = []
    for place in _places():
        try:
            os.makedirs(place, mode=0o755, exist_ok=True)
            if os.statvfs(place).f_flag & os.ST_NOEXEC:
                reasons.append(f"{place} is on a file system that is mounted noexec")
                continue
            new = tempfile.mkdtemp(prefix=".new-", dir=place)
        except OSError as error:
            reasons.append(f"{place}: {error.strerror}")
            continue
        folder = _unpack_into(pack, tag, new)
        if _is_trusted(folder):
            return folder
        reasons.append(f"{folder} belongs to another user")
    refuse("this pack cannot be unpacked: " + "; ".join(reasons), "Name a folder of yours with --root, or HERO_ROOT.")
    return ""


def _unpack_into(pack, tag, new):  # type: (str, str, str) -> str
    import shutil

    folder = os.path.join(os.path.dirname(new), f"{NAME}-{tag}")
    try:
        _extract(_tool(pack), tag, new)
        os.chmod(new, 0o755)  # noqa: S103 - as every other folder of the root
        os.rename(new, folder)
    except OSError as error:
        if not os.path.isdir(folder):
            refuse(f"the tool in {pack} cannot be unpacked: {error}", "Free some space, or correct the folder.")
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return folder


def _tool(pack):  # type: (str) -> bytes
    import hashlib
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(pack) as archive:
            content = archive.read(TOOL)
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, RuntimeError, NotImplementedError):
        content = b""
    if hashlib.sha256(content).hexdigest() != SHA256:
        refuse(f"{pack} is damaged: the hero-build in it is not what was packed", "Copy the file again.", 5)
    return content


def _extract(content, tag, new):  # type: (bytes, str, str) -> None
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            group, _, inside = name.partition("/")
            if (group + "/" != COMMON and group != tag) or ".dist-info/" in name:
                continue  # of another Python, or licences and metadata, which nothing here reads
            path = os.path.join(new, inside)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(archive.read(name))
    _sync(new)


def _sync(folder):  # type: (str) -> None
    """A power cut must not leave a folder with half of its content. One call for the file system, syncfs(2): a thousand
    files, each synced by itself, take ten times as long.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    except (ImportError, AttributeError):  # a Python without ctypes, a libc without syncfs
        os.sync()
    finally:
        os.close(descriptor)


def refuse(sentence, hint, code=8):  # type: (str, str, int) -> None
    """End with an error as every hero-build prints it."""
    sys.stderr.write(f"error: {sentence}\n  hint: {hint}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
