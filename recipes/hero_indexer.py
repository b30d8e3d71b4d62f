"""hero_indexer: an index for search."""

# One server. The app and its binary say hero_indexer, not hero_index.

from hero_build.recipe import Recipe, server


class HeroIndexer(Recipe):
    repo = "lhumina_code/hero_indexer"
    binaries = (server("hero_indexer_server"),)
