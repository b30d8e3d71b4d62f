"""hero_router: the router in front of every service; it also starts and stops them."""

# One binary; it serves `service.*` itself.

from hero_build.recipe import Binary, HttpProbe, Probe, Recipe, Service, ServiceContext, server


class HeroRouter(Recipe):
    repo = "lhumina_code/hero_router"
    binaries = (server("hero_router"),)

    def services(self, ctx: ServiceContext) -> tuple[Service, ...]:
        """It listens on the machine's address in the mycelium network, where there is one."""
        (router,) = super().services(ctx)
        address = ctx.address()
        return (router.with_env(HERO_ROUTER_ADDRESS=address) if address else router,)

    def probes(self, ctx: ServiceContext, binary: Binary) -> tuple[Probe, ...]:
        """It has the socket of every app and that of `service.*`: both must answer."""
        return (HttpProbe(ctx.socket(ctx.app)), HttpProbe(ctx.socket(ctx.app, "service")))
