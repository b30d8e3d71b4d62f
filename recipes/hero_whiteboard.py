"""hero_whiteboard: its set is read from the repo or the release."""

from hero_build.recipe import Recipe


class HeroWhiteboard(Recipe):
    repo = "lhumina_code/hero_whiteboard"
