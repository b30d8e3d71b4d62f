"""hero_db: the Hero key-value store."""

from msgspec.structs import replace

from hero_build.recipe import Recipe, Service, ServiceContext, admin, cli, server


class HeroDb(Recipe):
    repo = "lhumina_code/hero_db"
    binaries = (server("hero_db_server"), admin("hero_db_admin", formerly="hero_db_ui"), cli("hero_db"))

    def services(self, ctx: ServiceContext) -> tuple[Service, ...]:
        """Its RESP port, if HERO_DB_RESP_PORT names one in an environment file, must be free before it starts."""
        port = ctx.setting("HERO_DB_RESP_PORT")
        ports = (int(port),) if port.isdecimal() else ()
        return tuple(
            replace(item, ports=ports) if item.binary == "hero_db_server" else item for item in super().services(ctx)
        )
