"""The parts of a generation, each read from the manifest when it is asked for: of a thousand, a change reads few."""

from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, ValuesView

from msgspec import Raw, Struct

from hero_build.model.installed import InstalledPart, PartId

_FEW = 16  # parts that are read one by one; all at once take less time than more of them


class UnreadPart(Struct, frozen=True):
    """The programs of an app of which no more than the paths are needed; `text` is the app's entry in the manifest.

    Only in a manifest that hero-build wrote as it is (hero_build.manifest looks whether it is).
    """

    id: PartId
    paths: tuple[str, ...]
    text: Raw


StoredPart = InstalledPart | UnreadPart


class InstalledParts(Mapping[PartId, InstalledPart]):
    """The parts by their ids. `outline`, `read` and `read_all` are called at most once for each part; what they raise
    propagates.
    """

    def __init__(
        self,
        outline: Callable[[], Mapping[PartId, StoredPart]],
        *,
        read: Callable[[UnreadPart], InstalledPart],
        read_all: Callable[[], Mapping[PartId, InstalledPart]] | None = None,
    ) -> None:
        self._outline, self._read, self._read_all = outline, read, read_all
        self._stored: Mapping[PartId, StoredPart] | None = None
        self._few: dict[PartId, InstalledPart] = {}
        self._all: Mapping[PartId, InstalledPart] | None = None

    @property
    def stored(self) -> Mapping[PartId, StoredPart]:
        """All parts, those unread that were not read with all others."""
        if self._stored is None:
            self._stored = self._all if self._all is not None else self._outline()
        return self._stored

    def successor(self, stored: Mapping[PartId, StoredPart]) -> "InstalledParts":
        """The parts of another generation, those unread that are in this one."""
        return InstalledParts(lambda: stored, read=self._read)

    def __getitem__(self, part: PartId) -> InstalledPart:
        if self._all is not None:
            return self._all[part]
        item = self.stored[part]
        if isinstance(item, InstalledPart):
            return item
        if part not in self._few:
            if len(self._few) == _FEW:
                return self._whole()[part]
            self._few[part] = self._read(item)
        return self._few[part]

    def __iter__(self) -> Iterator[PartId]:
        return iter(self.stored)

    def __len__(self) -> int:
        return len(self.stored)

    def __contains__(self, part: object) -> bool:
        return part in self.stored

    def values(self) -> ValuesView[InstalledPart]:
        return self._whole().values()

    def items(self) -> ItemsView[PartId, InstalledPart]:
        return self._whole().items()

    def _whole(self) -> Mapping[PartId, InstalledPart]:
        if self._all is None:
            self._all = self._read_all() if self._read_all else self._each()
        return self._all

    def _each(self) -> dict[PartId, InstalledPart]:
        items = self.stored.items()
        return {part: item if isinstance(item, InstalledPart) else self._read(item) for part, item in items}


def stored_parts(records: Mapping[PartId, InstalledPart]) -> Mapping[PartId, StoredPart]:
    """All parts without reading any."""
    return records.stored if isinstance(records, InstalledParts) else records


def paths_of(part: StoredPart) -> Iterable[str]:
    """The files of a part, relative to the root."""
    if isinstance(part, UnreadPart):
        return part.paths
    return [file.path for entry in part.entries for file in entry.files]
