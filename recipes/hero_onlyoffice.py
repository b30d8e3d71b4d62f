"""hero_onlyoffice: documents of OnlyOffice, in a container that hero-build does not install."""

from hero_build.recipe import Recipe


class HeroOnlyoffice(Recipe):
    repo = "lhumina_code/hero_onlyoffice"
    refuses = "hero_onlyoffice is a container, and hero-build installs programs"
