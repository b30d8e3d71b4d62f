"""Named sets of apps, each in start order: `hero-build install @core`, then `hero-build start @core`.

A member APP/BINARY is installed whole, and of its services only that one is started with the set. @all is not listed
here: it is every recipe that can be installed.

@tester and @admin are the machines of a fleet (docs/fleet.md): the admin's has the engines that keep no data, and the
testers' have data and pages, and ask those engines.
"""

SETS = {
    "core": ("hero_proc", "hero_db", "hero_router", "hero_code", "hero_logic"),
    "toolchain": (
        "hero_proc",
        "hero_router",
        "mycelium",
        "hero_code",
        "hero_codescalers",
        "hero_lib_rhai",
        "hero_embedder",
    ),
    "base": ("hero_proxy", "hero_osis", "hero_aibroker", "hero_os"),
    "complete": (
        "hero_proxy",
        "hero_db",
        "hero_os",
        "hero_osis",
        "hero_livekit",
        "hero_collab",
        "hero_biz",
        "hero_aibroker",
        "hero_logic",
        "hero_slides",
        "hero_whiteboard",
        "hero_indexer",
        "hero_foundry",
        "hero_voice",
        "hero_agent",
    ),
    "tester": (
        "hero_proc",
        "hero_router",
        "hero_db",
        "hero_memory",
        "hero_books",
        "hero_agent",
        "hero_voice/hero_voice_web",
        "hero_cockpit",
    ),
    "admin": ("hero_proc", "hero_router", "hero_embedder", "hero_voice/hero_voice_server"),
}
