"""What is on the disk, by kind, on real files."""

import ast
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import hero_build
from hero_build.install.disk_usage import CACHED, LOGS, build_folders, disk_usage, space
from hero_build.install.layout import Root
from hero_build.source.cargo.target_folder import FOLDER
from support import roots

CARGO_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# This file is a cache directory tag created by cargo.\n"


def write(path: Path, size: int = 100_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


def test_a_file_with_several_links_counts_once(tmp_path: Path) -> None:
    first = write(tmp_path / "a" / "first")
    alone = space([tmp_path])
    assert alone >= 100_000
    os.link(first, tmp_path / "a" / "second")
    (tmp_path / "link").symlink_to("a", target_is_directory=True)
    assert space([tmp_path, tmp_path / "a"]) == alone
    assert space([tmp_path / "absent"]) == 0


def test_only_what_cargo_marked_inside_a_checkout_is_a_build_folder(tmp_path: Path) -> None:
    for name in ("target", "crates/one/target"):
        write(tmp_path / name / "debug" / "x")
        (tmp_path / name / "CACHEDIR.TAG").write_text(CARGO_TAG)
    write(tmp_path / "other" / "CACHEDIR.TAG")
    (tmp_path / "linked").symlink_to("target", target_is_directory=True)
    assert {str(path.relative_to(tmp_path)) for path in build_folders(tmp_path)} == {"target", "crates/one/target"}
    (tmp_path / "CACHEDIR.TAG").write_text(CARGO_TAG)
    assert tmp_path not in set(build_folders(tmp_path)), "a checkout is never one itself"


def test_kinds_are_counted_apart(tmp_path: Path) -> None:
    root, checkout, cache = Root(tmp_path / "hero"), tmp_path / "code" / "app", tmp_path / "cache"
    roots.install(root, "db", "v1")
    write(checkout / "src" / "main.rs", 10_000)
    write(checkout / "target" / "debug" / "app", 300_000)
    (checkout / "target" / "CACHEDIR.TAG").write_text(CARGO_TAG)
    write(cache / "wasm" / "bundles" / "key" / "x.wasm", 50_000)
    write(cache / "wasm" / "features-ab.json", 10)
    write(cache / "logs" / "app-0123abcd.log", 20_000)
    write(cache / "toolchain" / "of-another", 900_000)
    uses = {use.name: use.bytes for use in disk_usage(root, tmp_path / "code", checkouts=[checkout], cache=cache)}
    assert 0 < uses["generations"] < 200_000
    assert 10_000 <= uses["checkouts"] < 50_000
    assert 300_000 <= uses["builds"] < 400_000
    assert 50_000 <= uses["cache"] < 100_000, "what is not hero-build's own does not count"
    assert 20_000 <= uses["logs"] < 50_000


def test_all_that_the_code_writes_into_the_cache_is_counted() -> None:
    elsewhere = {FOLDER, LOGS, "tools"}  # kinds of their own, and the tools of packs
    names = {name for path in Path(hero_build.__file__).parent.rglob("*.py") for name in cache_names(path)}
    assert {"checksums", "wheels", "wasm", LOGS} <= names, "the scan sees them"
    assert names - elsewhere <= {name.partition("/")[0] for name in CACHED}


def cache_names(path: Path) -> Iterator[str]:
    """The names in `cache / NAME` and `settings.cache / NAME` of a module."""
    package = Path(hero_build.__file__).parent.parent
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.BinOp(ast.Name("cache") | ast.Attribute(_, "cache"), ast.Div(), ast.Constant(str() as name)):
                yield name
            case ast.BinOp(ast.Name("cache") | ast.Attribute(_, "cache"), ast.Div(), ast.Name(constant)):
                module = import_module(".".join(path.relative_to(package).with_suffix("").parts))
                if (value := getattr(module, constant, None)) is not None:  # else a local variable
                    yield str(value)
