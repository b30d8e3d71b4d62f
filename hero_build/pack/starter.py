"""Becomes `__main__.py` of a pack: unpacks the hero-build in it, once, and starts that.

It stands alone, and old versions of Python must be able to read it: they get a sentence, not a SyntaxError. What it
needs first is not compressed, and it imports little: the first start is what a pack is measured by.
"""

import os
import runpy
import sys

NAME = "@NAME@"
PARTS = "@PARTS@"
MACHINE = "@MACHINE@"
LIBC = "@LIBC@"
PYTHONS = ((3, 11), (3, 12), (3, 13), (3, 14))
TOOL = "tool/"
COMMON, SOURCE, REST = "common", "source", "rest.zip"
SUPPORTED = "Python 3.11 to 3.14 (CPython)"


def main():  # type: () -> None
    """Start the command line that is in this pack."""
    pack = os.path.abspath(sys.argv[0])
    _check_machine()
    tag = "cp{}{}".format(*sys.version_info[:2])
    name = "{}-{}{}".format(NAME, tag, "" if sys.version_info[3] == "final" else "-" + magic_number())
    folder = _unpacked(name) or _unpack(pack, name, tag)
    os.environ["HERO_BUILD_PACK"] = pack
    sys.path[0] = folder
    from hero_build.system import packed_rest  # of the tool that is unpacked now

    packed_rest.install(folder, now="SUDO_UID" in os.environ)  # another user cannot unpack the rest into it later
    runpy.run_module("hero_build", run_name="__main__")


def magic_number():  # type: () -> str
    """What the compiled modules of this Python begin with: those of another one are never run."""
    from _frozen_importlib_external import MAGIC_NUMBER

    return MAGIC_NUMBER.hex()


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


def _unpack(pack, name, tag):  # type: (str, str, str) -> str
    """Unpack the tool into a new folder, which appears with one rename; if another process was faster, use its own."""
    parts = _parts(pack, tag)
    reasons = []
    for place in _places():
        try:
            os.makedirs(place, mode=0o755, exist_ok=True)
            if os.statvfs(place).f_flag & os.ST_NOEXEC:
                reasons.append(f"{place} is on a file system that is mounted noexec")
                continue
            new = os.path.join(place, ".new-" + os.urandom(8).hex())
            os.mkdir(new, 0o700)
        except OSError as error:
            reasons.append(f"{place}: {error.strerror}")
            continue
        folder = os.path.join(place, name)
        _unpack_into(pack, parts, new=new, folder=folder)
        if _is_trusted(folder):
            return folder
        reasons.append(f"{folder} belongs to another user")
    refuse("this pack cannot be unpacked: " + "; ".join(reasons), "Name a folder of yours with --root, or HERO_ROOT.")
    return ""


def _unpack_into(pack, parts, new, folder):  # type: (str, dict[str, bytes], str, str) -> None
    try:
        _write(_files(parts), new)
        _sync(new)
        os.chmod(new, 0o755)  # noqa: S103 - as every other folder of the root
        os.rename(new, folder)
    except OSError as error:
        _delete(new)
        if not os.path.isdir(folder):
            refuse(f"the tool in {pack} cannot be unpacked: {error}", "Free some space, or correct the folder.")
    except BaseException:  # interrupted
        _delete(new)
        raise


def _delete(folder):  # type: (str) -> None
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _parts(pack, tag):  # type: (str, str) -> dict[str, bytes]
    """The parts of the tool for this Python, compared with their digests."""
    import hashlib
    import zipimport

    try:
        import zlib  # noqa: F401 - what they are compressed with
    except ImportError:
        refuse(
            "this pack needs zlib, which {} lacks".format(sys.executable or "this Python"),
            "Install a whole Python 3.11 or newer.",
        )

    digests = dict(part.split("=") for part in PARTS.split())
    compiled = f"{tag}-{magic_number()}"
    parts = {}
    for part in (COMMON, tag, compiled if compiled in digests else SOURCE, REST):
        try:
            parts[part] = zipimport.zipimporter(pack).get_data(TOOL + part)
        except (OSError, ImportError, EOFError):
            parts[part] = b""
        if hashlib.sha256(parts[part]).hexdigest() != digests[part]:
            refuse(f"{pack} is damaged: the hero-build in it is not what was packed", "Copy the file again.", 5)
    return parts


def _files(parts):  # type: (dict[str, bytes]) -> dict[str, bytes]
    """The files to write, by their names. A module that is there compiled is not written as source."""
    import marshal
    import zlib

    files = {REST: parts[REST]}
    for part, content in parts.items():
        if part != REST:
            items = marshal.loads(zlib.decompress(content))  # noqa: S302 - the digest is right
            files.update((name.decode(), data) for name, data in items)
    for name in [name for name in files if name.endswith(".pyc")]:
        files.pop(name[:-1], None)
    return files


def _write(files, new):  # type: (dict[str, bytes], str) -> None
    folders = set()
    for name, content in files.items():
        path = os.path.join(new, name)
        folder = os.path.dirname(path)
        if folder not in folders:
            os.makedirs(folder, exist_ok=True)
            folders.add(folder)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            while content:
                content = content[os.write(descriptor, content) :]
        finally:
            os.close(descriptor)


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
