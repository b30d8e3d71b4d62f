"""hero_aibroker: a broker of AI services."""

# No list of its programs is known, so that it is read from the repo or from the release.
# A second service definition (mother and child, `--split`) shares its binaries.

from msgspec.structs import replace

from hero_build.recipe import Recipe, Service, ServiceContext


class HeroAibroker(Recipe):
    repo = "lhumina_code/hero_aibroker"

    def services(self, ctx: ServiceContext) -> tuple[Service, ...]:
        """One service; with HERO_AIBROKER_SPLIT in an environment file the server is a mother and a child."""
        usual = super().services(ctx)
        if not ctx.setting("HERO_AIBROKER_SPLIT"):
            return usual
        return tuple(part for item in usual for part in (_split(item) if item.binary.endswith("_server") else (item,)))


def _split(server: Service) -> tuple[Service, Service]:
    """Both run the same program; only the mother answers on the app's socket."""
    mother = replace(server, command=(*server.command, "--split", "mother"))
    command = (*server.command, "--split", "child")
    return mother, replace(server, variant="child", command=command, after=(server.name,), probes=())
