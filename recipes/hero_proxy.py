"""hero_proxy: a proxy."""

# No list of its programs is known, so that it is read from the repo or from the release.

from hero_build.recipe import Recipe


class HeroProxy(Recipe):
    repo = "lhumina_code/hero_proxy"
