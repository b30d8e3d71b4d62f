"""hero_biz: its set is read from the repo or the release."""

from hero_build.recipe import Recipe


class HeroBiz(Recipe):
    repo = "lhumina_code/hero_biz"
