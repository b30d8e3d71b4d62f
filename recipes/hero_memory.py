"""hero_memory: the store behind the librarian of hero_books."""

# No list of its programs is known, so that it is read from the repo or from the release.

from hero_build.recipe import Recipe


class HeroMemory(Recipe):
    repo = "lhumina_code/hero_memory"
