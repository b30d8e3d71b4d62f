"""hero_os: the desktop; `hero-build shell` installs its shell."""

# Its programs are read from the repo or the release; its shell is `hero_os_app`. The process that serves `/islands`
# registers it only if that folder exists when it starts.

from hero_build.recipe import Recipe, shell


class HeroOs(Recipe):
    repo = "lhumina_code/hero_os"
    bundles = (shell("hero_os_app"),)
