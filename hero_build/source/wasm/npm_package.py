"""What wasm-pack adds to the output of wasm-bindgen: package.json, README, licences, and a .gitignore."""

import glob
import json
import shutil
from pathlib import Path

from hero_build.source.wasm.types import Crate


def add_package_files(crate: Crate, folder: Path) -> None:
    """Add them to `folder`, which has what wasm-bindgen writes, in wasm-pack's order: licences after package.json."""
    (folder / ".gitignore").write_text("*")
    (folder / "package.json").write_text(_package_json(crate, folder), encoding="utf-8")
    about = crate.about
    if about.readme is not None:
        _copy(crate.folder / about.readme, folder / "README.md")
    if about.license is not None:
        for name in glob.glob("LICENSE*", root_dir=crate.folder):
            _copy(crate.folder / name, folder / name)
    elif about.license_file is not None and (folder / about.license_file).resolve().is_relative_to(folder.resolve()):
        _copy(crate.folder / about.license_file, folder / about.license_file)


def _package_json(crate: Crate, folder: Path) -> str:
    """package.json. `dependencies` are those that wasm-bindgen found for snippets, and wrote into a package.json."""
    about, name = crate.about, crate.name
    files = [f"{name}_bg.wasm", f"{name}.js", f"{name}.d.ts", *(["snippets"] if (folder / "snippets").is_dir() else [])]
    said: dict[str, object] = {
        "name": crate.package,
        "type": "module",
        "collaborators": list(about.authors) or None,
        "description": about.description,
        "version": about.version,
        "license": about.license or (f"SEE LICENSE IN {about.license_file}" if about.license_file else None),
        "repository": {"type": "git", "url": about.repository} if about.repository is not None else None,
        "files": files,
        "main": f"{name}.js",
        "homepage": about.homepage,
        "types": f"{name}.d.ts",
        "sideEffects": ["./snippets/*"],
        "keywords": list(about.keywords) or None,
        "dependencies": _dependencies(folder / "package.json"),
    }
    told = {key: value for key, value in said.items() if value is not None}
    return f"{json.dumps(told, indent=2, ensure_ascii=False)}\n"


def _dependencies(path: Path) -> dict[str, str] | None:
    if not path.is_file():
        return None
    said = json.loads(path.read_text(encoding="utf-8"))
    found: dict[str, str] = said.get("dependencies", {})
    return dict(sorted(found.items())) or None


def _copy(source: Path, dest: Path) -> None:
    """What is no file, or would go into a folder that is not there, wasm-pack leaves out."""
    if source.is_file() and dest.parent.is_dir():
        shutil.copyfile(source, dest)
