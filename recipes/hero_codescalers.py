"""hero_codescalers: a program of Hero OS."""

# No list of its programs is known, so that it is read from the repo or from the release.
# Several instances of the same binaries run side by side.

from hero_build.recipe import Recipe


class HeroCodescalers(Recipe):
    repo = "lhumina_code/hero_codescalers"
    instances = True
