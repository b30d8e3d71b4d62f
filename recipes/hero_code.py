"""hero_code: code and its editor, with a web interface."""

# It has no admin.

from hero_build.recipe import Recipe, server, web


class HeroCode(Recipe):
    repo = "lhumina_code/hero_code"
    binaries = (server("hero_code_server"), web("hero_code_web"))
