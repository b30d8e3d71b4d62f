"""hero_db: the Hero key-value store."""

from hero_build.recipe import Recipe, admin, cli, server


class HeroDb(Recipe):
    repo = "lhumina_code/hero_db"
    binaries = (server("hero_db_server"), admin("hero_db_admin", formerly="hero_db_ui"), cli("hero_db"))
