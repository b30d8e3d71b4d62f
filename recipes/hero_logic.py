"""hero_logic: its set is read from the repo or the release."""

from hero_build.recipe import Recipe


class HeroLogic(Recipe):
    repo = "lhumina_code/hero_logic"
