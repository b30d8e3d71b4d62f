"""What a manifest record says of a part: how it was installed and made, as recorded or, where older, by content."""

import pytest
from msgspec.structs import replace

from hero_build.errors import Unsupported
from hero_build.model.artifacts import ISLANDS, SHELL, Library, Pinned, Platform, backend_of, phase_of, pin_of
from hero_build.model.installed import (
    Backend,
    BuildInfo,
    FileEntry,
    Fingerprint,
    InstalledArtifact,
    InstalledPart,
    Origin,
    PartId,
    Phase,
)

ORIGIN = Origin("v1", requested="auto", used="source", why="", forge="https://f.example", repo="o/r", tag=None)


def part(bundle: str | None, path: str, phase: Phase | None = None) -> InstalledPart:
    file = FileEntry(path, sha256="0" * 64, size=1, mode=0o644)
    artifact = InstalledArtifact(bundle or "app", "bundle" if bundle else "binary", (file,))
    return InstalledPart(PartId("app", bundle), replace(ORIGIN, phase=phase), (artifact,))


@pytest.mark.parametrize(
    ("record", "phase"),
    [
        (part(None, "bin/app"), "install"),
        (part("clock", f"{ISLANDS}/clock/clock.js"), "islands"),
        (part("desktop", f"{SHELL}/desktop.js"), "shell"),
        (part("clock", f"{ISLANDS}/clock/clock.js", phase="shell"), "shell"),
    ],
)
def test_the_phase_is_what_was_recorded_or_follows_from_the_files(record: InstalledPart, phase: Phase) -> None:
    assert phase_of(record) == phase


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (BuildInfo("", Fingerprint(()), backend="wasm-pack", optimise=False), ("wasm-pack", False)),
        (BuildInfo("", Fingerprint(()), backend="direct", optimise=True), ("direct", True)),
        (BuildInfo("", Fingerprint((("bundles", "wasm-pack 0.13"),))), ("wasm-pack", True)),
        (BuildInfo("", Fingerprint((("bundles", "direct --no-opt wasm-bindgen 0.2"),))), ("direct", False)),
        (None, ("direct", True)),
    ],
)
def test_the_backend_is_what_was_recorded_or_a_word_of_the_fingerprint(
    build: BuildInfo | None, expected: tuple[Backend, bool]
) -> None:
    assert backend_of(replace(ORIGIN, build=build)) == expected


def test_a_library_is_the_pin_of_its_platform() -> None:
    pins = (Pinned("linux-amd64", "u", "11"), Pinned("linux-arm64", "v", "22"))
    assert pin_of(Library("libx.so", pins), Platform("arm64", "gnu")) == pins[1]
    with pytest.raises(Unsupported, match=r"libx\.so is not pinned for linux-arm64") as caught:
        pin_of(Library("libx.so", pins[:1]), Platform("arm64", "gnu"))
    assert caught.value.hint == "Its recipe pins it for linux-amd64; add one there."
