"""hero_aibroker: its set is read from the repo or the release.

A second service definition (mother and child, `--split`) shares its binaries.
"""

from hero_build.recipe import Recipe


class HeroAibroker(Recipe):
    repo = "lhumina_code/hero_aibroker"
