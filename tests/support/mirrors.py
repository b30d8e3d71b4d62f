"""Directory mirrors and overlay recipes for tests: apps whose programs print their own name and version."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from hero_build.forge import mirror
from hero_build.model.steps import Asset, Release
from support import roots
from support.elf_files import program, static_bytes

RECIPE = '''"""{app}: a test app."""

from hero_build.recipe import Recipe, cli


class App(Recipe):
    repo = "{repo}"
    binaries = ({binaries})
'''


def recipe(folder: Path, app: str, names: Sequence[str] = (), *, owner: str = "o", **extra: str) -> Path:
    """An overlay recipe for `app` in `folder`; `extra` are further class attributes as Python text."""
    folder.mkdir(parents=True, exist_ok=True)
    binaries = " ".join(f'cli("{name}"),' for name in names or (app,))
    text = RECIPE.format(app=app, repo=f"{owner}/{app}", binaries=binaries)
    text += "".join(f"    {key} = {value}\n" for key, value in extra.items())
    path = folder / f"{app}.py"
    path.write_text(text)
    return path


def asset(name: str) -> str:
    return f"{name}-{roots.platform()}"


def programs(version: str, *names: str, size: int | None = None) -> dict[str, bytes]:
    """The assets of a release: one real program a name."""
    return {asset(name): static_bytes(program(name, version), size) for name in names}


def sums(files: Mapping[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()).encode()


def release(
    directory: Path,
    app: str,
    tag: str,
    files: Mapping[str, bytes],
    *,
    owner: str = "o",
    latest: bool = True,
    checksums: bool = True,
) -> Release:
    """Put a release of `<owner>/<app>` into the mirror, with SHA256SUMS unless `checksums` is false."""
    files = {**files, **({"SHA256SUMS": sums(files)} if checksums else {})}
    source = directory.parent / f"{directory.name}-source" / app / tag
    source.mkdir(parents=True, exist_ok=True)
    assets = []
    for name, data in files.items():
        (source / name).write_bytes(data)
        assets.append(Asset(name, url=f"https://forge.example/{name}", size=len(data), id=f"{tag}-{name}"))
    release = Release("https://forge.example", repo=f"{owner}/{app}", tag=tag, assets=tuple(assets))
    mirror.publish(directory, release, {name: source / name for name in files}, latest=latest)
    return release
