"""hero_browser: a browser, with its admin interface."""

from hero_build.recipe import Recipe, admin, server


class HeroBrowser(Recipe):
    repo = "lhumina_code/hero_browser"
    binaries = (server("hero_browser_server"), admin("hero_browser_admin", formerly="hero_browser_ui"))
