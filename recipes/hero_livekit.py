"""hero_livekit: rooms for sound and video."""

# hero_livekit_server runs lk-backend; hero-build never starts it. Its service manifests call lk-backend a server;
# `audit` accepts any kind for a binary that is install_only.

from hero_build.recipe import Recipe, Service, ServiceContext, admin, cli, install_only, server


class HeroLivekit(Recipe):
    repo = "lhumina_code/hero_livekit"
    binaries = (
        server("hero_livekit_server"),
        admin("hero_livekit_admin", formerly="hero_livekit_ui"),
        install_only("lk-backend"),
        cli("hero_do_hero_livekit"),
    )

    def services(self, ctx: ServiceContext) -> tuple[Service, ...]:
        """The server finds lk-backend on its PATH, and writes runtime.json, which hero_collab reads."""
        path = ctx.data / "runtime.json"
        return tuple(item.with_env(HERO_LIVEKIT_RUNTIME=path) for item in super().services(ctx))
