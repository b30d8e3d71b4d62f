"""hero_do: an installer only, no daemon; its set is read from the repo or the release."""

from hero_build.recipe import Recipe


class HeroDo(Recipe):
    repo = "lhumina_code/hero_do"
