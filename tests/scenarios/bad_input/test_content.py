"""Bad input: what arrives is not what the release says, or is not a program for this machine."""

import gzip
import struct
from collections.abc import Callable

from hero_build.platforms import machine_arch
from support import mirrors
from support.elf_files import newer_glibc_bytes, program, shared_bytes, static_bytes
from support.fault_server import Behaviour, chunked, cut_at, serve, until_closed
from support.mirrors import asset, sums
from support.refusals import STARTS, Refusal, Row, Stage, Start, check_row, digest, parametrize_rows, partial_files

ADMIN = asset("db_admin")
RIGHT = static_bytes(program("db_admin", "v2"))
PAGE = b"<!DOCTYPE html>\n<title>Sign in \x1b[31m- Forge</title>"
UPLOAD = "Run it again; if it still fails, ask the publisher of the release to upload it again."
LOGIN = "The forge probably sent a login page: check --forge, and whether the release is private."
TWICE = ("truncated-body", "body-longer-than-said", "login-page")
PUBLISHED = "The published asset is broken: try another release with --version TAG, and report it to the publisher."


def sent(behaviour: Behaviour) -> Callable[[Stage], None]:
    """The release is right, and its server sends db_admin so."""

    def arrange(stage: Stage) -> None:
        stage.publish()
        stage.forge.on(f"/dl/v2/{ADMIN}", behaviour)

    return arrange


def published(content: bytes) -> Callable[[Stage], object]:
    """The release has these bytes as db_admin, with the right size and checksum of them."""
    return lambda stage: stage.publish(db_admin=content)


def patched(offset: int, form: str, value: int) -> bytes:
    raw = bytearray(RIGHT)
    struct.pack_into(form, raw, offset, value)
    return bytes(raw)


def size(name: str, behaviour: Behaviour, message: str, hint: str = UPLOAD) -> Row:
    starts = STARTS[: 2 if name in TWICE else 1]
    return Row(
        name, sent(behaviour), Refusal(5, kind="SizeMismatch", message=f"{ADMIN} {message}", hint=hint), starts=starts
    )


def unfit(name: str, content: bytes, message: str, hint: str = PUBLISHED) -> Row:
    return Row(
        name,
        published(content),
        Refusal(5, kind="InvalidBinary", message=f"{ADMIN} {message}", hint=hint),
        starts=STARTS[:1],
    )


def wrong_sum(stage: Stage) -> None:
    """SHA256SUMS speaks of other bytes of the same length."""
    stage.publish(checksums=sums({**mirrors.programs("v2", "db"), ADMIN: patched(100, "B", 7)}))


def newer_glibc(stage: Stage) -> None:
    """Another app, published for gnu."""
    stage.world.recipe("gnudb", "gnudb", libc='"gnu"')
    name = f"gnudb-linux-{machine_arch()}-gnu"
    stage.forge.release("o/gnudb", "v2", {name: newer_glibc_bytes()})


ROWS = (
    Row("empty-asset", published(b""), Refusal(5, kind="SizeMismatch", message=f"{ADMIN} is empty", hint=UPLOAD)),
    size("empty-answer", serve(b""), "is empty"),
    size("truncated-body", cut_at(RIGHT, 1000, "close"), f"broke off after 1000 of {len(RIGHT)} bytes"),
    size("truncated-chunks", chunked(RIGHT[:4000], whole=False), f"broke off after … of {len(RIGHT)} bytes"),
    size("truncated-until-closed", until_closed(RIGHT[:4000]), f"broke off after 4000 of {len(RIGHT)} bytes"),
    size("body-longer-than-said", serve(RIGHT + b"!"), f"has {len(RIGHT) + 1} bytes, expected {len(RIGHT)}"),
    size("chunks-longer-than-said", chunked(RIGHT + b"!"), f"is longer than its {len(RIGHT)} bytes"),
    Row(
        "wrong-sha256",
        wrong_sum,
        Refusal(
            5,
            kind="ChecksumMismatch",
            message=f"{ADMIN} has the sha256 {digest(RIGHT)}, expected …",
            hint=UPLOAD,
        ),
    ),
    size(
        "login-page",
        behaviour=serve(PAGE),
        message=f"has {len(PAGE)} bytes, expected {len(RIGHT)}; it begins with '<!DOCTYPE html>'",
        hint=LOGIN,
    ),
    size(
        "login-page-in-chunks",
        behaviour=chunked(PAGE),
        message=f"has {len(PAGE)} bytes, expected {len(RIGHT)}; it begins with '<!DOCTYPE html>'",
        hint=LOGIN,
    ),
    unfit(
        "login-page-was-published",
        content=PAGE,
        message="is an HTML page that begins with '<!DOCTYPE html>', not a program",
        hint=LOGIN,
    ),
    unfit("script", b"#!/bin/sh\necho hi\n", "is a script, not a program"),
    unfit("archive", gzip.compress(RIGHT, mtime=0), "is a gzip archive, not a program"),
    unfit(
        "noise", bytes(range(7, 255)), "is of an unknown kind (it begins with 07 08 09 0a 0b 0c 0d 0e), not a program"
    ),
    unfit("elf-of-another-machine", patched(18, "<H", 243), "is for RISC-V, not for …"),
    unfit("elf-32-bit", patched(4, "B", 1), "is a 32-bit program"),
    unfit("elf-big-endian", patched(5, "B", 2), "is a big-endian program"),
    unfit("elf-shared-object-without-entry", shared_bytes(), "is a shared library, not a program"),
    unfit("elf-without-code-at-its-entry", patched(24, "<Q", 8), "starts at 0x8, where it has no code"),
    unfit(
        "elf-headers-past-the-end", patched(32, "<Q", 1 << 40), "has headers that point past its end: it is cut short"
    ),
    unfit("elf-cut-short", RIGHT[:100], "has headers that point past its end: it is cut short"),
    Row(
        "glibc-too-new",
        arrange=newer_glibc,
        refusal=Refusal(
            5,
            kind="InvalidBinary",
            message="gnudb-linux-…-gnu needs GLIBC 9.99, and this machine has 2.…",
            hint="Choose an older release with --version TAG, or update this system.",
        ),
        words=("install", "gnudb", "--mode", "download"),
    ),
    unfit("elf-cut-in-its-header", RIGHT[:20], "ends after 20 bytes, inside its ELF header"),
)


@parametrize_rows(ROWS)
def test_content(row: Row, start: Start, stage: Stage) -> None:
    check_row(stage, row, start)
    assert not any(path.read_bytes() == RIGHT for path in partial_files(stage.world.root))
