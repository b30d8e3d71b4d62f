"""hero_collab: working together, with sound and video by hero_livekit."""

# It reads hero_livekit's runtime.json while it runs, and has no admin.

from hero_build.recipe import Recipe, server, web


class HeroCollab(Recipe):
    repo = "lhumina_code/hero_collab"
    binaries = (server("hero_collab_server"), web("hero_collab_web"))
    needs = ("hero_livekit",)
