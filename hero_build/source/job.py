"""What is built together, as a value."""

from dataclasses import dataclass
from pathlib import Path

from hero_build.artifact import Cargo
from hero_build.model import Tree


@dataclass(frozen=True, slots=True)
class Job:
    """Programs of one tree, by one Cargo. `lib`: the folder that `{lib}` in its env means.

    `target`: the Rust target to build for; None: this machine's, or as cargo's configuration says.
    """

    tree: Tree
    cargo: Cargo
    programs: tuple[str, ...]
    lib: Path | None = None
    target: str | None = None
