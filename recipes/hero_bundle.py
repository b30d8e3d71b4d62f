"""hero_bundle: hero_proc, hero_router, hero_db, hero_code, hero_indexer and mycelium in one program."""

# It starts the mycelium bus, hero_db, hero_indexer, hero_code, hero_proc, hero_router in this order, and so binds their
# sockets. Its workspace has path dependencies on their repos.

from msgspec.structs import replace

from hero_build.recipe import Binary, HttpProbe, Probe, Recipe, Service, ServiceContext, server


class HeroBundle(Recipe):
    repo = "lhumina_code/hero_bundle"
    binaries = (server("hero_bundle"),)
    excludes = ("mycelium", "hero_db", "hero_indexer", "hero_code", "hero_proc", "hero_router")
    siblings = (
        "lhumina_code/hero_proc",
        "lhumina_code/hero_router",
        "lhumina_code/hero_db",
        "lhumina_code/hero_code",
        "lhumina_code/hero_indexer",
        "lhumina_code/mycelium_network",
    )

    def services(self, ctx: ServiceContext) -> tuple[Service, ...]:
        (bundle,) = super().services(ctx)
        config = ctx.root / "cfg" / "hero_bundle.toml"
        command = (*bundle.command, "--config", str(config)) if config.is_file() else bundle.command
        return (replace(bundle, command=command, stop_timeout=30.0, start_timeout=60.0),)

    def probes(self, ctx: ServiceContext, binary: Binary) -> tuple[Probe, ...]:
        """It binds the sockets of six services: each must answer."""
        bus = HttpProbe(ctx.socket("mycelium"), older=(ctx.socket("mycelium", "msg"),))
        router = HttpProbe(ctx.socket("hero_router"), older=(ctx.socket("hero_router", "service"),))
        others = (HttpProbe(ctx.socket(app)) for app in ("hero_db", "hero_indexer", "hero_code", "hero_proc"))
        return (bus, *others, router)
