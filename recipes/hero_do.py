"""hero_do: an installer; it runs no service."""

# No list of its programs is known, so that it is read from the repo or from the release.

from hero_build.recipe import Recipe, Service, ServiceContext


class HeroDo(Recipe):
    repo = "lhumina_code/hero_do"

    def services(self, ctx: ServiceContext) -> tuple[Service, ...]:
        return ()
