"""The files that wasm-pack adds to the output of wasm-bindgen: package.json, README, licences, .gitignore."""

import glob
import json
from pathlib import Path

from msgspec import Struct

from hero_build.errors import BuildError
from hero_build.source.wasm.types import Crate
from hero_build.system.decoding import decode_json


class _WrittenPackage(Struct, frozen=True):
    """The package.json that wasm-bindgen writes for crates with snippets."""

    dependencies: dict[str, str] = {}


def add_package_files(crate: Crate, folder: Path) -> None:
    """Add them to `folder`, which holds wasm-bindgen's output. Raises as `package_files`."""
    for name, content in package_files(crate, folder).items():
        (folder / name).write_bytes(content)


def package_files(crate: Crate, folder: Path) -> dict[str, bytes]:
    """Their contents by name, in wasm-pack's order: licences after package.json. `folder` has wasm-bindgen's output.

    Raises BuildError for a package.json of wasm-bindgen that cannot be read.
    """
    info = crate.info
    sources = {"README.md": crate.folder / info.readme} if info.readme is not None else {}
    if info.license is not None:
        sources |= {name: crate.folder / name for name in glob.glob("LICENSE*", root_dir=crate.folder)}
    elif info.license_file is not None and (folder / info.license_file).resolve().is_relative_to(folder.resolve()):
        sources[info.license_file] = crate.folder / info.license_file
    return {
        ".gitignore": b"*",
        "package.json": _package_json(crate, folder).encode(),
        **{name: path.read_bytes() for name, path in sources.items() if _is_copied(path, folder / name)},
    }


def _package_json(crate: Crate, folder: Path) -> str:
    """wasm-pack's fields in wasm-pack's order; `dependencies` are those that wasm-bindgen wrote for snippets."""
    info, name = crate.info, crate.name
    files = [f"{name}_bg.wasm", f"{name}.js", f"{name}.d.ts", *(["snippets"] if (folder / "snippets").is_dir() else [])]
    fields: dict[str, object] = {
        "name": crate.package,
        "type": "module",
        "collaborators": list(info.authors) or None,
        "description": info.description,
        "version": info.version,
        "license": info.license or (f"SEE LICENSE IN {info.license_file}" if info.license_file else None),
        "repository": {"type": "git", "url": info.repository} if info.repository is not None else None,
        "files": files,
        "main": f"{name}.js",
        "homepage": info.homepage,
        "types": f"{name}.d.ts",
        "sideEffects": ["./snippets/*"],
        "keywords": list(info.keywords) or None,
        "dependencies": _dependencies(folder / "package.json"),
    }
    present = {key: value for key, value in fields.items() if value is not None}
    return f"{json.dumps(present, indent=2, ensure_ascii=False)}\n"


def _dependencies(path: Path) -> dict[str, str] | None:
    if not path.is_file():
        return None
    try:
        dependencies = decode_json(path.read_bytes(), kind=_WrittenPackage).dependencies
    except ValueError as error:
        raise BuildError(
            f"{path}, which wasm-bindgen wrote, cannot be read: {error}", "Run the command again."
        ) from error
    return dict(sorted(dependencies.items())) or None


def _is_copied(source: Path, dest: Path) -> bool:
    """As wasm-pack: not what is not a file, nor what belongs into a folder that does not exist."""
    return source.is_file() and dest.parent.is_dir()
