"""hero_router: the router in front of every service; it also starts and stops them."""

# One binary; it serves `service.*` itself.

from hero_build.recipe import Recipe, server


class HeroRouter(Recipe):
    repo = "lhumina_code/hero_router"
    binaries = (server("hero_router"),)
