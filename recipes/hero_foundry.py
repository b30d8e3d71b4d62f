"""hero_foundry: a foundry, with its web and admin interfaces."""

from hero_build.recipe import Recipe, admin, server, web


class HeroFoundry(Recipe):
    repo = "lhumina_code/hero_foundry"
    binaries = (
        server("hero_foundry_server"),
        web("hero_foundry_web"),
        admin("hero_foundry_admin", formerly="hero_foundry_ui"),
    )
