"""hero_books: documents and their librarian."""

# Its `_ui` and a dev `_admin` were merged into admin.

import os

from hero_build.recipe import Recipe, Service, ServiceContext, admin, server, web


class HeroBooks(Recipe):
    repo = "lhumina_code/hero_books"
    libc = "gnu"
    binaries = (
        server("hero_books_server"),
        web("hero_books_web"),
        admin("hero_books_admin", formerly="hero_books_ui"),
    )

    def services(self, ctx: ServiceContext) -> tuple[Service, ...]:
        url = ctx.setting("HERO_EMBEDDER_URL") or ctx.socket_url("hero_embedder")  # of a fleet's admin machine, or here
        return tuple(item.with_env(HERO_BOOKS_DATA=ctx.data, HERO_EMBEDDER_URL=url) for item in super().services(ctx))

    def prepare(self, ctx: ServiceContext) -> None:
        """Its first start seeds its default libraries in the data folder."""
        if not os.access(ctx.data, os.W_OK | os.X_OK):
            ctx.refuse(f"{ctx.data} is not writable, and hero_books seeds its libraries there", "Fix its permissions.")
