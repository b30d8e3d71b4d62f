"""hero_lib_rhai: its set is read from the repo or the release."""

from hero_build.recipe import Recipe


class HeroLibRhai(Recipe):
    repo = "lhumina_code/hero_lib_rhai"
