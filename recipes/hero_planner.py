"""hero_planner: a planner."""

# A special case of the rename to admin, so that its set is read from the repo or the release.

from hero_build.recipe import Recipe


class HeroPlanner(Recipe):
    repo = "lhumina_code/hero_planner"
