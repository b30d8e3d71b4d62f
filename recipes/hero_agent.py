"""hero_agent: an agent, with its admin interface."""

from hero_build.recipe import Recipe, admin, server


class HeroAgent(Recipe):
    repo = "lhumina_code/hero_agent"
    binaries = (server("hero_agent_server"), admin("hero_agent_admin", formerly="hero_agent_ui"))
