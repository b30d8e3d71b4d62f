"""hero_proxy: its set is read from the repo or the release."""

from hero_build.recipe import Recipe


class HeroProxy(Recipe):
    repo = "lhumina_code/hero_proxy"
