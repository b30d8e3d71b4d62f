"""hero_cockpit: a program of Hero OS."""

# No list of its programs is known, so that it is read from the repo or from the release.

from hero_build.recipe import Recipe


class HeroCockpit(Recipe):
    repo = "lhumina_code/hero_cockpit"
