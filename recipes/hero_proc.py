"""hero_proc: the supervisor of services."""

from hero_build.recipe import Recipe, admin, cli, server


class HeroProc(Recipe):
    repo = "lhumina_code/hero_proc"
    binaries = (server("hero_proc_server"), admin("hero_proc_admin", formerly="hero_proc_ui"), cli("hero_proc"))
