"""The nouns of the way out: what is to be published, and what became of it. Digests are lower-case hex sha256."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hero_build.artifact import Package


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file on its way out: the asset it becomes, and where it lies; `size` in bytes.

    `record`: it tells of a build (when, where, with what), so that one that is published already is not refused for
    telling of another build that gave the same files.
    """

    name: str
    path: Path
    sha256: str
    size: int
    record: bool = False


@dataclass(frozen=True, slots=True)
class Publication:
    """One release as it is to be. The flags mean what those of `gh release create` mean.

    `target`: the branch or commit that the tag is made at where the tag is not there yet; empty: the default branch.
    `draft`: leave it a draft, for other jobs to add to. `clobber`: what is there and differs may be replaced.
    `package`: the files go to a forge's generic packages and not into a release.
    """

    app: str
    repo: str
    tag: str
    parcels: tuple[Parcel, ...] = ()
    title: str = ""
    notes: str = ""
    target: str = ""
    draft: bool = False
    prerelease: bool = False
    clobber: bool = False
    package: Package | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """What is there now. `url` is the page (or folder) of it; `kept` was there already and right.

    `uploaded` and `removed` are names of assets; one that was replaced is in both.
    """

    forge: str
    repo: str
    tag: str
    state: Literal["published", "draft"]
    url: str
    kept: tuple[str, ...] = ()
    uploaded: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.uploaded or self.removed)
