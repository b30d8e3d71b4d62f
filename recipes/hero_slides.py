"""hero_slides: its set is read from the repo or the release."""

from hero_build.recipe import Recipe


class HeroSlides(Recipe):
    repo = "lhumina_code/hero_slides"
