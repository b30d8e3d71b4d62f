"""hero_memory: the store behind hero_books' librarian; its set is read from the repo or the release."""

from hero_build.recipe import Recipe


class HeroMemory(Recipe):
    repo = "lhumina_code/hero_memory"
