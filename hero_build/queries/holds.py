"""Which of the apps to install stay as they are because they are held."""

from collections.abc import Collection, Sequence

from hero_build.events import WarningRaised
from hero_build.model.installed import Generation
from hero_build.system.plain_text import noun


def split_held(
    apps: Sequence[str], *, held: Collection[str], named: Collection[str], generation: Generation
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The apps to go on with, and those that are held: installed, and not `named` one by one."""
    installed = {part.app for part in generation.records}
    stay = tuple(app for app in apps if app in held and app in installed and app not in named)
    return tuple(app for app in apps if app not in stay), stay


def held_warning(apps: Sequence[str]) -> WarningRaised:
    """The one warning for all held apps of a command."""
    sentence = f"{', '.join(apps)} {noun(len(apps), 'is held and stays', 'are held and stay')} as installed"
    them = noun(len(apps), "it", "them")
    return WarningRaised(sentence, f"`hero-build unhold {' '.join(apps)}` releases {them}.")
