"""hero_collab: working together, with sound and video by hero_livekit."""

# It reads hero_livekit's runtime.json while it runs, and has no admin.

from hero_build.recipe import Recipe, Service, ServiceContext, server, web


class HeroCollab(Recipe):
    repo = "lhumina_code/hero_collab"
    binaries = (server("hero_collab_server"), web("hero_collab_web"))
    needs = ("hero_livekit",)

    def services(self, ctx: ServiceContext) -> tuple[Service, ...]:
        path = ctx.root / "var" / "hero_livekit" / "runtime.json"
        return tuple(item.with_env(HERO_LIVEKIT_RUNTIME=path) for item in super().services(ctx))
