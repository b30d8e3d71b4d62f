"""hero_os: the desktop; its set of programs is read from the repo or the release, its shell is `hero_os_app`.

The process that serves `/islands` registers it only if that folder exists when it starts.
"""

from hero_build.recipe import Recipe, shell


class HeroOs(Recipe):
    repo = "lhumina_code/hero_os"
    bundles = (shell("hero_os_app"),)
