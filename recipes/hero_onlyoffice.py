"""hero_onlyoffice: a container, which hero-build does not install."""

from hero_build.recipe import Recipe


class HeroOnlyoffice(Recipe):
    repo = "lhumina_code/hero_onlyoffice"
    refuses = "hero_onlyoffice is a container, and hero-build installs programs"
