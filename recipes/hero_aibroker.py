"""hero_aibroker: a broker of AI services."""

# No list of its programs is known, so that it is read from the repo or from the release.
# A second service definition (mother and child, `--split`) shares its binaries.

from hero_build.recipe import Recipe


class HeroAibroker(Recipe):
    repo = "lhumina_code/hero_aibroker"
