"""`gc`: old generations, unused tools of packs, and what the shared target folder has over its limit; with --builds and
--cache also what builds and downloads left. Says what is left.
"""

from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog.known_checkouts import known_checkouts
from hero_build.catalog.loader import Catalog
from hero_build.install.disk_usage import FreedFolder, KeptFolder, disk_usage
from hero_build.install.free_space import Freed, free_builds, free_cache
from hero_build.install.free_target import limit_targets
from hero_build.install.gc import GcReport, collect
from hero_build.install.layout import Root
from hero_build.install.packed_tools import free_tools, tool_folders
from hero_build.settings import Settings

_GB = 10**9  # bytes


class GcOptions(Struct, frozen=True):
    """`keep`: the number of generations that stay. `builds`, `cache`: free these, too."""

    keep: int
    builds: bool = False
    cache: bool = False
    dry_run: bool = False


def gc(options: GcOptions, settings: Settings, catalog: Catalog) -> GcReport:
    """`catalog`: the recipes that name the checkouts. Raises LockHeld, MachineError."""
    root, checkouts = Root(settings.root), known_checkouts(catalog, settings.coderoot)
    report = collect(root, options.keep, settings.wait, dry_run=options.dry_run)
    freed: list[Freed] = [*free_tools(tool_folders(root.state, settings.cache), dry_run=options.dry_run)]
    if options.builds:
        freed += free_builds(checkouts, settings.cache, wait=settings.wait, dry_run=options.dry_run)
    else:
        freed += limit_targets(settings.cache, settings.target_limit * _GB, dry_run=options.dry_run)
    if options.cache:
        freed += free_cache(settings.cache, dry_run=options.dry_run)
    return replace(
        report,
        freed=tuple(item for item in freed if isinstance(item, FreedFolder)),
        kept=tuple(item for item in freed if isinstance(item, KeptFolder)),
        usage=disk_usage(root, settings.coderoot, checkouts=checkouts, cache=settings.cache),
    )
