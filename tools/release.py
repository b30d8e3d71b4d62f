"""Publishes the files of dist/ as a release of this repository, with hero-build's own publisher.

    tools/release.py TAG [FOLDER]

The tag must be the version that the files carry. From the environment: FORGEJO_URL, FORGEJO_TOKEN, GITHUB_REPOSITORY
(`owner/name`), GITHUB_SHA, and for a signature HERO_MINISIGN_KEY or HERO_MINISIGN_KEY_FILE.
"""

import os
import sys
from pathlib import Path

from hero_build import __version__, settings
from hero_build.errors import HeroBuildError, UsageError
from hero_build.events import Event, WarningRaised
from hero_build.publish import open_publisher
from hero_build.publish.assets import release_file
from hero_build.publish.signing import read_signer
from hero_build.publish.types import PublishResult, ReleaseSpec


def main(words: list[str]) -> int:
    try:
        tag, folder = words[0], Path(words[1] if len(words) > 1 else "dist")
        made = release(tag, folder)
    except IndexError:
        print(__doc__, file=sys.stderr)
        return 2
    except HeroBuildError as error:
        print(f"error: {error.message}\n  hint: {error.hint}", file=sys.stderr)
        return error.code
    print(f"{made.url}: {', '.join(made.uploaded) or 'nothing to do'}")
    return 0


def release(tag: str, folder: Path) -> PublishResult:
    """Raises UsageError for another version's tag and for an empty folder, and what `Publisher.publish` does."""
    signer = read_signer(None, os.environ)
    if tag.removeprefix("v") != __version__:
        raise UsageError(f"the tag {tag} is not the version {__version__}", "Set it in hero_build/__init__.py.")
    files = sorted(path for path in folder.glob("hero_build-*") if path.is_file())
    if not files:
        raise UsageError(f"{folder} has nothing to publish", "Build it: `python -m build --no-isolation`.")
    assets = tuple(release_file(path.name, path) for path in files)
    repo, target = os.environ.get("GITHUB_REPOSITORY", ""), os.environ.get("GITHUB_SHA", "")
    publisher = open_publisher(settings.read({}, os.environ), None, _tell, signer=signer)
    try:
        return publisher.publish(ReleaseSpec("hero-build", repo=repo, tag=tag, files=assets, target=target))
    finally:
        publisher.close()


def _tell(event: Event) -> None:
    if isinstance(event, WarningRaised):
        print(f"warning: {event.text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
