"""hero_db as tests/world/ has it: compiled for this machine by its own cargo, so linked to the GNU C library."""

from hero_build.recipe import Recipe, admin, cli, server


class HeroDb(Recipe):
    repo = "lhumina_code/hero_db"
    libc = "gnu"
    binaries = (server("hero_db_server"), admin("hero_db_admin", formerly="hero_db_ui"), cli("hero_db"))
