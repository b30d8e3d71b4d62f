"""Which files of a bundle belong together: a module `<name>_bg.wasm`, and the glue `<name>.js` that loads it."""

from collections.abc import Iterable
from dataclasses import dataclass

_GLUE, _MODULE = ".js", "_bg.wasm"


@dataclass(frozen=True, slots=True)
class Pair:
    """Names in the bundle."""

    glue: str
    module: str


def pairs(names: Iterable[str]) -> tuple[Pair, ...]:
    """By name, those nearest to the top first."""
    known = set(names)
    stems = (name.removesuffix(_MODULE) for name in known if name.endswith(_MODULE))
    found = [Pair(stem + _GLUE, stem + _MODULE) for stem in stems if stem + _GLUE in known]
    return tuple(sorted(found, key=lambda pair: (pair.glue.count("/"), pair.glue)))


def entry(bundle: str, names: Iterable[str]) -> Pair | None:
    """The pair that a page loads: the one called as the bundle, else the only one nearest to the top; None: no one
    can tell. A crate `my-island` makes files `my_island`."""
    found = pairs(names)
    called = {f"{bundle}{_GLUE}", f"{bundle.replace('-', '_')}{_GLUE}"}
    top = [pair for pair in found if pair.glue.count("/") == found[0].glue.count("/")]
    return next((pair for pair in found if pair.glue in called), top[0] if len(top) == 1 else None)
