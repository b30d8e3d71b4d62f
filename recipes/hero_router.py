"""hero_router: one binary that routes to every service and serves `service.*` itself."""

from hero_build.recipe import Recipe, server


class HeroRouter(Recipe):
    repo = "lhumina_code/hero_router"
    binaries = (server("hero_router"),)
