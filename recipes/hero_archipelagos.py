"""hero_archipelagos: the islands of the desktop: `hero-build islands` installs them."""

# They are read from the repo or the release; it has no programs. hero_os looks for them only when it starts, and so is
# restarted.

from hero_build.recipe import Recipe


class HeroArchipelagos(Recipe):
    repo = "lhumina_code/hero_archipelagos"
    islands = True
    restarts = ("hero_os",)
