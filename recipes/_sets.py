"""Which apps belong together, each list in start order: `hero-build install @core`. @all is every recipe."""

SETS = {
    "core": ("hero_proc", "hero_db", "hero_router", "hero_code"),
    "toolchain": ("hero_proc", "hero_router", "hero_code"),
    "complete": ("hero_db", "hero_livekit", "hero_collab"),
    "tester": ("hero_proc", "hero_router", "hero_db", "hero_books"),
    "admin": ("hero_proc", "hero_router"),
}
