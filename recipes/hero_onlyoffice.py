"""hero_onlyoffice: documents of OnlyOffice, in a container that hero-build does not install."""

from hero_build.recipe import Container, Recipe, Service, ServiceContext


class HeroOnlyoffice(Recipe):
    repo = "lhumina_code/hero_onlyoffice"
    refuses = "hero_onlyoffice is a container, and hero-build installs programs"

    def services(self, ctx: ServiceContext) -> tuple[Service, ...]:
        image = ctx.setting("HERO_ONLYOFFICE_IMAGE")
        if not image:
            hint = f"Name its image: HERO_ONLYOFFICE_IMAGE=… in {ctx.root}/cfg/env/hero_onlyoffice.env."
            ctx.refuse("no image is known for hero_onlyoffice", hint)
        sockets = str(ctx.socket("x").parent.parent)
        container = Container(image, ("--volume", f"{sockets}:{sockets}", "--volume", f"{ctx.data}:/data"))
        return (
            Service(app=ctx.app, binary=ctx.app, command=(), folder=ctx.data, container=container, stop_timeout=30),
        )
