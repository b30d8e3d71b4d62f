"""Reading a root while another command may commit: one generation, resolved once."""

from collections.abc import Callable
from typing import TypeVar

from hero_build import manifest
from hero_build.install.layout import Root
from hero_build.model.installed import Generation

T = TypeVar("T")


def examine(root: Root, look: Callable[[Generation], T], is_damaged: Callable[[T], bool]) -> T:
    """`look` at the current generation. Damage counts if that generation is still current afterwards.

    A commit removes links of the generation before, and `gc` its folder; what `look` misses then is not damage, and it
    looks at the newer generation. Raises RootDamaged.
    """
    generation = manifest.load(root.path)
    while is_damaged(answer := look(generation)):
        newer = manifest.load(root.path)
        if newer.number == generation.number:
            return answer
        generation = newer
    return answer
