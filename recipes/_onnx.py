"""ONNX Runtime for the recipes that need it: the same version for all.

The file is the CPU build that the ONNX Runtime project publishes for its release 1.20.1. It is installed under two
names: builds link with `libonnxruntime.so`, which programs that load it at run time also open; linked programs need
`libonnxruntime.so.1`, its SONAME.

The digests are those that many unrelated public build files agree on for these two URLs; they were not computed from
the archives. A file that differs is refused. The repos of the three services do not name a version: 1.20.1 is the
choice of this file.
"""

from hero_build.recipe import Cargo, Pinned, Service, ServiceContext, library

_VERSION = "1.20.1"
_FROM = f"https://github.com/microsoft/onnxruntime/releases/download/v{_VERSION}"


def _pin(platform: str, machine: str, sha256: str) -> Pinned:
    folder = f"onnxruntime-linux-{machine}-{_VERSION}"
    return Pinned(platform, f"{_FROM}/{folder}.tgz", sha256, f"{folder}/lib/libonnxruntime.so.{_VERSION}")


_PINS = (
    _pin("linux-amd64", "x64", "67db4dc1561f1e3fd42e619575c82c601ef89849afc7ea85a003abbac1a1a105"),
    _pin("linux-arm64", "aarch64", "ae4fedbdc8c18d688c01306b4b50c63de3445cdf2dbd720e01a2fa3810b8106a"),
)
LIBRARIES = (library("libonnxruntime.so", *_PINS), library("libonnxruntime.so.1", *_PINS))
CARGO = Cargo(env=(("ORT_LIB_LOCATION", "{lib}"),))


def with_library(services: tuple[Service, ...], ctx: ServiceContext) -> tuple[Service, ...]:
    """The services with the installed library: for the loader, and for programs that open it at run time."""
    path = ctx.lib / "libonnxruntime.so"
    return tuple(item.with_env(LD_LIBRARY_PATH=ctx.lib, ORT_DYLIB_PATH=path) for item in services)
