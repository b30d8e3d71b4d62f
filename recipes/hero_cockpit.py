"""hero_cockpit: its set is read from the repo or the release."""

from hero_build.recipe import Recipe


class HeroCockpit(Recipe):
    repo = "lhumina_code/hero_cockpit"
