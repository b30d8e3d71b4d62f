"""What goes first of the output that checkouts share, on folders as cargo lays them out."""

import os
from pathlib import Path

from hero_build.install.disk_usage import space
from hero_build.install.free_target import limit_targets, shared_targets
from hero_build.source.cargo.target_folder import FOLDER, lock_file

SIZE = 100_000


def crate(profile: Path, name: str, used: int) -> None:
    """A compiled crate that was used `used` seconds after the epoch."""
    unit = f"{name}-{used:016x}"
    paths = [
        profile / ".fingerprint" / unit / f"lib-{name}",
        profile / "deps" / f"lib{unit}.rlib",
        profile / "deps" / f"{unit}.d",
        profile / "build" / unit / "output",
    ]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(SIZE) if path.suffix == ".rlib" else b"x")
        os.utime(path, (used, used))


def crates(target: Path) -> set[str]:
    folders = target.glob("**/.fingerprint/*")
    return {path.name.rpartition("-")[0] for path in folders}


def toolchain(cache: Path, name: str, used: int) -> Path:
    target = cache / FOLDER / name
    target.mkdir(parents=True)
    lock_file(target).touch()
    os.utime(lock_file(target), (used, used))
    return target


def test_the_crates_that_were_not_used_for_longest_go_first(tmp_path: Path) -> None:
    target = toolchain(tmp_path, "1.95.0-ab", 9)
    for used, name in enumerate(("first", "second", "third"), 1):
        crate(target / "release", name, used)
        crate(target / "wasm32-unknown-unknown" / "release", f"{name}_wasm", used)
    (freed,) = limit_targets(tmp_path, 3 * SIZE, dry_run=True)
    assert crates(target) == {f"{name}{end}" for name in ("first", "second", "third") for end in ("", "_wasm")}
    (again,) = limit_targets(tmp_path, 3 * SIZE, dry_run=False)
    assert again == freed
    assert crates(target) == {"third", "third_wasm"}
    left = {path.name for path in target.glob("**/*") if path.is_file()}
    assert not [name for name in left if "first" in name or "second" in name]
    assert [*limit_targets(tmp_path, 3 * SIZE, dry_run=False)] == []


def test_toolchains_that_are_out_of_use_go_whole(tmp_path: Path) -> None:
    old, new = toolchain(tmp_path, "1.94.0-ab", 1), toolchain(tmp_path, "1.95.0-cd", 2)
    assert shared_targets(tmp_path) == [old, new]
    for target in (old, new):
        crate(target / "release", "one", 5)
    (freed,) = limit_targets(tmp_path, space([new]), dry_run=False)
    assert freed.path == str(old)
    assert (old.exists(), crates(new)) == (False, {"one"})


def test_a_layout_of_an_unknown_cargo_goes_whole(tmp_path: Path) -> None:
    target = toolchain(tmp_path, "2.0.0-ab", 1)
    (target / "units").mkdir()
    (target / "units" / "x").write_bytes(os.urandom(2 * SIZE))
    (freed,) = limit_targets(tmp_path, SIZE, dry_run=False)
    assert (freed.path, target.exists()) == (str(target), False)
