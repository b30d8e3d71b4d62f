"""As few calls of cargo as give each crate what it would get alone.

cargo unifies the features of a package over all that one call builds: in one call for everything, a crate changes what
its neighbours do. Two crates may share a call where they agree on the features of each package they share: then the
features of the call are theirs already, and nothing is added to either.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hero_build.source.wasm.features import Features
from hero_build.source.wasm.nouns import Crate


def groups(crates: Sequence[Crate], features: Mapping[str, Features]) -> tuple[tuple[Crate, ...], ...]:
    """Each crate in the first group that it agrees with; `features` by name of crate."""
    found: list[tuple[Path, list[Crate], dict[str, tuple[str, ...]]]] = []
    for crate in crates:
        own = features[crate.name]
        for base, group, shared in found:
            if base == crate.base and _agree(own, shared):
                group.append(crate)
                shared.update(own)
                break
        else:
            found.append((crate.base, [crate], dict(own)))
    return tuple(tuple(group) for _, group, _ in found)


def _agree(one: Features, other: Features) -> bool:
    return all(other.get(package, sets) == sets for package, sets in one.items())
