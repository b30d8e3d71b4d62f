"""hero_archipelagos: the islands of the desktop; its set is read from the repo or the release.

hero_os looks for them only when it starts.
"""

from hero_build.recipe import Recipe


class HeroArchipelagos(Recipe):
    repo = "lhumina_code/hero_archipelagos"
    restarts = ("hero_os",)
