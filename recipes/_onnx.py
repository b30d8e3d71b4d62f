"""ONNX Runtime for the recipes that need it: one version, one place.

The file is the CPU build that the ONNX Runtime project publishes for its release 1.20.1. It is installed under two
names: a build links with `libonnxruntime.so`, and so does a program that opens it while it runs; what was linked asks
for `libonnxruntime.so.1`, its SONAME.

Where the digests come from: they are those that many unrelated public build files hold for these two addresses, all
alike; the archives themselves were not at hand to be hashed. A file that differs is refused, never installed. Which
version the three services are made for is not written down anywhere: 1.20.1 is this file's choice.
"""

from hero_build.recipe import Cargo, Pinned, library

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
