"""Fetched → Verified: the only way for downloaded or built bytes to become installable."""

import stat
from pathlib import PurePosixPath

from hero_build.errors import ChecksumMismatch, InvalidBinary, InvalidBundle, SizeMismatch
from hero_build.model.artifacts import Binary, Library, WasmBundle
from hero_build.model.steps import Fetched, File, Verified
from hero_build.verify import elf, sniff
from hero_build.verify.expect import Expect

_RETRY = "Run it again; if it still fails, the asset is broken: try another release with --version TAG."
_DISTRUST = "Do not use this file. Run it again; if it still fails, report it to the publisher of the release."


def verify(fetched: Fetched, expect: Expect) -> Verified:
    """The artifact with the checks it passed, in order: `length`, `sha256` (each only when known), then `elf`, or for
    a bundle `wasm` (every module is valid) and `glue` (modules and glue provide what the other imports).

    An archive is extracted next to the fetched file, and the Files are those that were extracted. The form `tree` is a
    folder that a build made for this alone: staging moves its files away.
    Raises SizeMismatch, ChecksumMismatch, InvalidBinary, InvalidBundle, UnsafeName.
    """
    match fetched.artifact:
        case Binary(name=name):
            checks = _check_download(fetched, expect)
            file = File(
                PurePosixPath("bin", name), path=fetched.path, sha256=fetched.sha256, size=fetched.size, mode=0o755
            )
        case Library(name=name):
            checks = _check_download(fetched, expect)
            file = _library_file(fetched, expect, PurePosixPath("lib", name))
        case WasmBundle():
            return _verify_bundle(fetched, fetched.artifact, expect)
    try:
        header = elf.inspect(file.path, expect, shared=isinstance(fetched.artifact, Library))
    except BaseException:
        if file.path != fetched.path:  # else nothing would delete it
            file.path.unlink(missing_ok=True)
        raise
    return Verified(fetched.artifact, files=(file,), checks=(*checks, "elf"), fetched=fetched, elf=header)


def verify_stored(fetched: Fetched, files: tuple[File, ...], expect: Expect) -> Verified:
    """The artifact of files that were verified when they entered the store, which have not changed since: each is read.

    A program must start on this machine, too. Raises ChecksumMismatch, InvalidBinary.
    """
    for file in files:
        _check_stored(file)
    checks = (*(("length",) if expect.size is not None else ()), "sha256")
    if isinstance(fetched.artifact, WasmBundle):
        return Verified(fetched.artifact, files=files, checks=(*checks, "wasm", "glue"), fetched=fetched)
    header = elf.inspect(files[0].path, expect, shared=isinstance(fetched.artifact, Library))
    return Verified(fetched.artifact, files=files, checks=(*checks, "elf"), fetched=fetched, elf=header)


def _check_stored(file: File) -> None:
    import hashlib  # only for what is in the store already

    status = file.path.lstat()
    with file.path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if digest != file.sha256 or stat.S_IMODE(status.st_mode) != file.mode or not stat.S_ISREG(status.st_mode):
        raise ChecksumMismatch(f"{file.dest} is damaged in the store", _RETRY)


def _verify_bundle(fetched: Fetched, artifact: WasmBundle, expect: Expect) -> Verified:
    from hero_build.verify import bundle  # imports what only bundles need

    bundle.check_bundle(artifact)
    checks = () if fetched.form == "tree" else _check_download(fetched, expect)
    return Verified(
        artifact,
        files=bundle.inspect(fetched, artifact, expect.name),
        checks=(*checks, "wasm", "glue"),
        fetched=fetched,
    )


def _check_download(fetched: Fetched, expect: Expect) -> tuple[str, ...]:
    """Check length and digest of the bytes as they were written; the file must still have that length."""
    checks: list[str] = []
    size = fetched.size if expect.size is None else expect.size
    _check_on_disk(fetched, expect.name)
    if fetched.size != size:
        _refuse_page(fetched, expect.name)
        raise SizeMismatch(f"{expect.name} has {fetched.size} bytes, expected {size}", _RETRY)
    if expect.size is not None:
        checks.append("length")
    if expect.sha256 is not None:
        if fetched.sha256 != expect.sha256:
            _refuse_page(fetched, expect.name)
            why = f"{expect.name} has the sha256 {fetched.sha256}, expected {expect.sha256}"
            raise ChecksumMismatch(why, _DISTRUST)
        checks.append("sha256")
    return tuple(checks)


def _check_on_disk(fetched: Fetched, name: str) -> None:
    status = fetched.path.lstat()
    if not stat.S_ISREG(status.st_mode):
        wrong = InvalidBundle if isinstance(fetched.artifact, WasmBundle) else InvalidBinary
        raise wrong(f"{name} is not a regular file", _RETRY)
    if status.st_size != fetched.size:
        raise SizeMismatch(f"{name} has {status.st_size} bytes on disk, and {fetched.size} were downloaded", _RETRY)


def _refuse_page(fetched: Fetched, name: str) -> None:
    """Raise for a message that came in place of the file: it explains more than a wrong length or digest."""
    with fetched.path.open("rb") as stream:
        content = sniff.describe(stream.read(sniff.HEAD))
    if content.answer and isinstance(fetched.artifact, WasmBundle):
        raise InvalidBundle(f"{name} is {content.words}, not a bundle", content.hint)
    if content.answer:
        raise InvalidBinary(f"{name} is {content.words}, not a program", content.hint)


def _library_file(fetched: Fetched, expect: Expect, dest: PurePosixPath) -> File:
    if not expect.member:
        return File(dest, path=fetched.path, sha256=fetched.sha256, size=fetched.size, mode=0o644)
    from hero_build.verify import archives  # imports tarfile and zipfile, which few libraries need

    member = archives.extract_member(fetched.path, expect.member, expect.name)
    return File(dest, path=member.path, sha256=member.sha256, size=member.size, mode=0o644)
