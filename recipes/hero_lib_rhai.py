"""hero_lib_rhai: Rhai scripts for Hero OS."""

# No list of its programs is known, so that it is read from the repo or from the release.

from hero_build.recipe import Recipe


class HeroLibRhai(Recipe):
    repo = "lhumina_code/hero_lib_rhai"
