"""hero_os: the desktop; its set is read from the repo or the release.

The process that serves `/islands` registers it only if that folder exists when it starts.
"""

from hero_build.recipe import Recipe


class HeroOs(Recipe):
    repo = "lhumina_code/hero_os"
