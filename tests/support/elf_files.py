"""Real programs for tests, compiled once and then distinguished by patching a marker, so a version needs no compile.

    static_elf(path, program("hero_db_server", "v0.3.2"))      # `hero_db_server --version` prints that line
    static_elf(path, program("hero_db_server", "v0.3.3"), size=8 << 20)

`<program> wait` prints the line and then stays, for tests that replace a program while it runs.
"""

import functools
import hashlib
import os
import struct
import subprocess
import tempfile
from pathlib import Path

CACHE = Path(__file__).parents[2] / "cache" / "elves"
_MARK = b"HERO-BUILD-TEST-MARKER\n"
_ROOM = 256
_STATIC = ("-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-pie", "-no-pie", "-Os", "-s")
_SMALL = ("-Wl,--build-id=none", "-Wl,-z,noseparate-code", "-Wl,-z,max-page-size=4096")

_FREESTANDING = r"""
static char marker[256] __attribute__((used, aligned(16))) = "HERO-BUILD-TEST-MARKER\n";

#if defined(__x86_64__)
static long call(long number, long a, long b, long c, long d) {
    long result;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}
enum { WRITE = 1, EXIT = 60, PPOLL = 271 };
__asm__(".globl _start\n_start:\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
#elif defined(__aarch64__)
static long call(long number, long a, long b, long c, long d) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}
enum { WRITE = 64, EXIT = 93, PPOLL = 73 };
__asm__(".globl _start\n_start:\n mov x0, sp\n bl begin\n");
#endif

__attribute__((used)) void begin(long *stack) {
    char **argv = (char **)(stack + 1);
    long length = 0;
    volatile char *text = marker;
    while (length < 256 && text[length]) length++;
    call(WRITE, 1, (long)marker, length, 0);
    if (stack[0] > 1 && argv[1][0] == 'w') for (;;) call(PPOLL, 0, 0, 0, 0);
    call(EXIT, 0, 0, 0, 0);
    for (;;) {}
}
"""
_HOSTED = r"""
#include <stdio.h>
char marker[256] = "HERO-BUILD-TEST-MARKER\n";
int main(void) { fputs(marker, stdout); return 0; }
"""
_SHARED = r"""
#include <stdio.h>
char marker[256] = "HERO-BUILD-TEST-MARKER\n";
int answer(void) { return puts(marker); }
"""


def program(name: str, version: str) -> bytes:
    """The marker of a program that prints `<name> <version>`."""
    return f"{name} {version}\n".encode()


def static_elf(path: Path, marker: bytes, size: int | None = None) -> Path:
    """A static program without libc at `path`, of `size` bytes if given (at least 5 kB), that prints `marker`."""
    return _write(path, static_bytes(marker, size))


def static_bytes(marker: bytes, size: int | None = None) -> bytes:
    return _grown(patched(compiled("static.c", _FREESTANDING, (*_STATIC, *_SMALL)), marker), marker, size)


def libc_elf(path: Path, marker: bytes, *flags: str) -> Path:
    """The same through this machine's libc: with `-static`, `-static-pie`, `-no-pie`, or dynamic as cc makes it."""
    return _write(path, patched(compiled("hosted.c", _HOSTED, flags), marker))


def newer_glibc_bytes() -> bytes:
    """A program that needs GLIBC 9.99: the newest version it needs is exchanged for one of the same length."""
    raw = compiled("hosted.c", _HOSTED, ())
    versions = [b"GLIBC_2.%d\0" % minor for minor in range(99, 9, -1)]
    return raw.replace(next(version for version in versions if version in raw), b"GLIBC_9.99\0")


def dynamic_bytes(marker: bytes, loader: str | None = None, version: bytes | None = None) -> bytes:
    """A stripped dynamic program, that asks for another loader, or for a version of libc with another, shorter name."""
    raw = patched(compiled("hosted.c", _HOSTED, ("-s",)), marker)
    if version is not None:
        raw = raw.replace(b"GLIBC_2.2.5\0", version.ljust(11, b"\0") + b"\0")
    if loader is None:
        return raw
    headers = range(struct.unpack_from("<Q", raw, 32)[0], len(raw), 56)
    at = next(at for at in headers if struct.unpack_from("<I", raw, at)[0] == 3)  # PT_INTERP
    offset, size = struct.unpack_from("<Q", raw, at + 8)[0], struct.unpack_from("<Q", raw, at + 32)[0]
    assert len(loader) < size
    return raw[:offset] + loader.encode().ljust(size, b"\0") + raw[offset + size :]


def shared_elf(path: Path, marker: bytes = b"library\n") -> Path:
    """A shared library that needs GLIBC."""
    return _write(path, shared_bytes(marker))


def shared_bytes(marker: bytes = b"library\n") -> bytes:
    return patched(compiled("shared.c", _SHARED, ("-shared", "-fPIC")), marker)


@functools.cache
def compiled(name: str, source: str, flags: tuple[str, ...]) -> bytes:
    """What the C compiler makes of `source`, kept in cache/elves/ by content, flags and compiler."""
    key = hashlib.sha256("\0".join((_compiler(), source, *flags)).encode()).hexdigest()[:24]
    kept = CACHE / f"{key}.{name.removesuffix('.c')}"
    if not kept.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            (Path(folder) / name).write_text(source)
            subprocess.run(["cc", "-o", "out", name, *flags], cwd=folder, check=True)
            os.replace(Path(folder) / "out", kept)
    return kept.read_bytes()


@functools.cache
def _compiler() -> str:
    return subprocess.run(["cc", "--version"], check=True, capture_output=True, text=True).stdout


def patched(raw: bytes, marker: bytes) -> bytes:
    assert len(marker) < _ROOM
    assert raw.count(_MARK) == 1
    at = raw.index(_MARK)
    return raw[:at] + marker.ljust(_ROOM, b"\0") + raw[at + _ROOM :]


def _grown(raw: bytes, marker: bytes, size: int | None) -> bytes:
    """Distinct content after the last header: the loader does not look there."""
    if size is None:
        return raw
    assert size >= len(raw)
    filler = hashlib.shake_256(marker).digest(64 * 1024)
    return (raw + filler * (size // len(filler) + 1))[:size]


def _write(path: Path, raw: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    path.chmod(0o755)
    return path
