"""hero_codescalers: its set is read from the repo or the release.

Several instances of the same binaries run side by side.
"""

from hero_build.recipe import Recipe


class HeroCodescalers(Recipe):
    repo = "lhumina_code/hero_codescalers"
