"""The version of an app that an earlier generation has, for an app's own roll back."""

from threading import Lock

from hero_build import manifest
from hero_build.errors import NotWritable, RootDamaged
from hero_build.install.layout import Root
from hero_build.install.recover import generation_numbers
from hero_build.model.installed import Generation, InstalledPart, PartId


class PreviousVersions:
    """Remembers manifests of earlier generations, which never change. Called by any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._read: dict[int, Generation | None] = {}

    def version(self, root: Root, current: Generation, app: str) -> str | None:
        """None where no kept generation has another state of the app's programs."""
        record = self.record(root, current, app)
        return record.origin.version if record else None

    def record(self, root: Root, current: Generation, app: str) -> InstalledPart | None:
        found = self.generation(root, current, app)
        return found.records[PartId(app)] if found else None

    def generation(self, root: Root, current: Generation, app: str) -> Generation | None:
        """The newest earlier generation in which the app's programs are others."""
        own = current.records.get(PartId(app))
        if own is None:
            return None
        for number in sorted(generation_numbers(root), reverse=True):
            if number >= current.number:
                continue
            earlier = self._generation(root, number)
            record = earlier.records.get(PartId(app)) if earlier else None
            if record is not None and _files(record) != _files(own):
                return earlier
        return None

    def _generation(self, root: Root, number: int) -> Generation | None:
        with self._lock:
            if number not in self._read:
                try:
                    self._read[number] = manifest.read(root.generation(number))
                except (RootDamaged, NotWritable):
                    self._read[number] = None
            return self._read[number]


def _files(record: InstalledPart) -> frozenset[tuple[str, str]]:
    return frozenset((file.path, file.sha256) for entry in record.entries for file in entry.files)
