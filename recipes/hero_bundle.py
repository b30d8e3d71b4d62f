"""hero_bundle: hero_proc, hero_router, hero_db, hero_code, hero_indexer and mycelium in one program."""

# It starts the mycelium bus, hero_db, hero_indexer, hero_code, hero_proc, hero_router in this order, and so binds their
# sockets. Its workspace has path dependencies on their repos.

from hero_build.recipe import Recipe, server


class HeroBundle(Recipe):
    repo = "lhumina_code/hero_bundle"
    binaries = (server("hero_bundle"),)
    excludes = ("mycelium", "hero_db", "hero_indexer", "hero_code", "hero_proc", "hero_router")
    siblings = (
        "lhumina_code/hero_proc",
        "lhumina_code/hero_router",
        "lhumina_code/hero_db",
        "lhumina_code/hero_code",
        "lhumina_code/hero_indexer",
        "lhumina_code/mycelium_network",
    )
