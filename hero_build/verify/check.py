"""Fetched → Verified: the only door through which bytes from outside become something that can be installed."""

import stat
from pathlib import PurePosixPath

from hero_build.errors import ChecksumMismatch, InvalidBinary, InvalidBundle, SizeMismatch
from hero_build.model.artifacts import Binary, Library, WasmBundle
from hero_build.model.steps import Fetched, File, Verified
from hero_build.verify import elf, sniff
from hero_build.verify.expect import Expect

_RETRY = "Run it again; if it stays so, the asset is broken: try another release with --version TAG."
_DISTRUST = "Do not use this file. Run it again; if it stays so, tell whoever published the release."


def verify(fetched: Fetched, expect: Expect) -> Verified:
    """The artifact with the checks it passed, in order: `length`, `sha256` (each only when known), then `elf`, or for
    a bundle `wasm` (every module is one) and `glue` (each gets what it imports, and gives what its glue uses).

    What comes in an archive is extracted next to the fetched file, and its Files speak of what was extracted. The form
    `tree` is a folder that a build made for this alone: staging moves its files away.
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
        found = elf.inspect(file.path, expect, shared=isinstance(fetched.artifact, Library))
    except BaseException:
        if file.path != fetched.path:  # what was extracted is nobody's
            file.path.unlink(missing_ok=True)
        raise
    return Verified(fetched.artifact, files=(file,), checks=(*checks, "elf"), fetched=fetched, elf=found)


def _verify_bundle(fetched: Fetched, artifact: WasmBundle, expect: Expect) -> Verified:
    from hero_build.verify import bundle  # the few that have one

    bundle.check_bundle(artifact)
    checks = () if fetched.form == "tree" else _check_download(fetched, expect)
    return Verified(
        artifact,
        files=bundle.inspect(fetched, artifact, expect.name),
        checks=(*checks, "wasm", "glue"),
        fetched=fetched,
    )


def _check_download(fetched: Fetched, expect: Expect) -> tuple[str, ...]:
    """Length and digest: of the bytes as they were written, which must be what lies there now."""
    checks: list[str] = []
    wanted = fetched.size if expect.size is None else expect.size
    _check_on_disk(fetched, expect.name)
    if fetched.size != wanted:
        _refuse_page(fetched, expect.name)
        raise SizeMismatch(f"{expect.name} has {fetched.size} bytes and should have {wanted}", _RETRY)
    if expect.size is not None:
        checks.append("length")
    if expect.sha256 is not None:
        if fetched.sha256 != expect.sha256:
            _refuse_page(fetched, expect.name)
            why = f"{expect.name} has the sha256 {fetched.sha256} and should have {expect.sha256}"
            raise ChecksumMismatch(why, _DISTRUST)
        checks.append("sha256")
    return tuple(checks)


def _check_on_disk(fetched: Fetched, name: str) -> None:
    status = fetched.path.lstat()
    if not stat.S_ISREG(status.st_mode):
        wrong = InvalidBundle if isinstance(fetched.artifact, WasmBundle) else InvalidBinary
        raise wrong(f"{name} is not a regular file", _RETRY)
    if status.st_size != fetched.size:
        raise SizeMismatch(f"{name} has {status.st_size} bytes on disk, and {fetched.size} arrived", _RETRY)


def _refuse_page(fetched: Fetched, name: str) -> None:
    """An answer in words, where a program was asked for, explains a wrong length or digest better than numbers do."""
    with fetched.path.open("rb") as stream:
        found = sniff.describe(stream.read(sniff.HEAD))
    if found.answer and isinstance(fetched.artifact, WasmBundle):
        raise InvalidBundle(f"{name} is {found.words}, not a bundle", found.hint)
    if found.answer:
        raise InvalidBinary(f"{name} is {found.words}, not a program", found.hint)


def _library_file(fetched: Fetched, expect: Expect, dest: PurePosixPath) -> File:
    if not expect.member:
        return File(dest, path=fetched.path, sha256=fetched.sha256, size=fetched.size, mode=0o644)
    from hero_build.verify import archives  # tar and zip, for the few libraries that come in one

    member = archives.extract_member(fetched.path, expect.member, expect.name)
    return File(dest, path=member.path, sha256=member.sha256, size=member.size, mode=0o644)
