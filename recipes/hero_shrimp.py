"""hero_shrimp: a program of Hero OS."""

# A special case of the rename to admin, so that its set is read from the repo or the release.

from hero_build.recipe import Recipe


class HeroShrimp(Recipe):
    repo = "lhumina_code/hero_shrimp"
