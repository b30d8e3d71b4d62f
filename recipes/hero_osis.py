"""hero_osis: its set is read from the repo or the release."""

from hero_build.recipe import Recipe


class HeroOsis(Recipe):
    repo = "lhumina_code/hero_osis"
