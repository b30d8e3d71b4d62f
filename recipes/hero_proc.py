"""hero_proc: the supervisor of services."""

from msgspec.structs import replace

from hero_build.recipe import Recipe, Service, ServiceContext, admin, cli, server


class HeroProc(Recipe):
    repo = "lhumina_code/hero_proc"
    binaries = (server("hero_proc_server"), admin("hero_proc_admin", formerly="hero_proc_ui"), cli("hero_proc"))

    def services(self, ctx: ServiceContext) -> tuple[Service, ...]:
        """Its graceful stop takes up to 30 s."""
        return tuple(replace(item, stop_timeout=30.0) for item in super().services(ctx))
