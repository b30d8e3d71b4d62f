"""hero_books: documents and their librarian."""

# Its `_ui` and a dev `_admin` were merged into admin.

from hero_build.recipe import Recipe, admin, server, web


class HeroBooks(Recipe):
    repo = "lhumina_code/hero_books"
    libc = "gnu"
    binaries = (
        server("hero_books_server"),
        web("hero_books_web"),
        admin("hero_books_admin", formerly="hero_books_ui"),
    )
