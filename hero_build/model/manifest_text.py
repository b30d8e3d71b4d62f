"""A manifest's text: stable order, two-space indent. An unread part is written as it was.

The text of an app can be cut out of it and put into another manifest, since both have it at the same depth.
"""

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Raw, Struct, field
from msgspec.structs import replace

from hero_build.model.installed import Generation, InstalledPart, PartId
from hero_build.model.installed_parts import StoredPart, UnreadPart, paths_of, stored_parts
from hero_build.model.manifest_checks import check_paths
from hero_build.model.manifest_convert import parts_of_app, to_document
from hero_build.model.manifest_document import ManifestApp

_APPS, _NO_APPS = b'\n  "apps": ', b'\n  "apps": {}'
_BEGIN, _END = b'\n  "apps": {\n', b'\n  },\n  "adopted": {'
"""Of the list of apps and of what follows it: a line within a text of JSON would have its line break escaped."""


class SealOfManifest(Struct, frozen=True):
    """What seal.json says of the manifest beside it: inode, size in bytes, mtime in ns."""

    stamp: tuple[int, int, int] | None = field(default=None, name="manifest.json")


class _ProgramPath(Struct, frozen=True):
    path: str


class AppOutline(Struct, frozen=True):
    """What each step needs to know of each app."""

    binaries: dict[str, _ProgramPath]
    libraries: dict[str, Raw]
    bundles: dict[str, Raw]


def encoded(generation: Generation) -> bytes:
    """The document as it is written, with a newline at its end."""
    unread = _unread_apps(generation)
    records = {part: generation.records[part] for part in generation.records if part.app not in unread}
    document = to_document(replace(generation, records=records))
    if not unread:
        return _formatted(document) + b"\n"
    before, _, after = _formatted(replace(document, apps={})).partition(_NO_APPS)
    pieces: list[bytes | Raw] = [before, _BEGIN[:-1]]  # joined once: each copy of a megabyte takes new pages
    for name in sorted((*document.apps, *unread)):
        if (text := unread.get(name)) is None:
            pieces += (_entry(name, document.apps[name]), b",")
        else:
            pieces += (b"\n    ", msgspec.json.encode(name), b": ", text, b",")
    return b"".join((*pieces[:-1], b"\n  }", after, b"\n"))


def _unread_apps(generation: Generation) -> dict[str, Raw]:
    """The entries of apps that have no other part than one that nobody read."""
    stored = stored_parts(generation.records)
    mixed = {part.app for part, item in stored.items() if not isinstance(item, UnreadPart)}
    return {
        part.app: item.text for part, item in stored.items() if isinstance(item, UnreadPart) and part.app not in mixed
    }


def _entry(name: str, app: ManifestApp) -> bytes:
    """The lines of an app, as they are in the document, each after its line break."""
    return _formatted({"": {name: app}}).removeprefix(b'{\n  "": {').removesuffix(b"\n  }\n}")


def _formatted(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2)


def cut(content: bytes) -> tuple[bytes, memoryview] | None:
    """The document without its apps, and the apps; None where the text is laid out in another way."""
    begin, end = content.find(_BEGIN), content.rfind(_END)
    if begin < 0 or end < begin:
        return None
    rest = end + len(b"\n  }")
    return b"".join((content[:begin], _NO_APPS, content[rest:])), memoryview(content)[begin + len(_APPS) : rest]


def outline(
    texts: Mapping[str, Raw], apps: Mapping[str, AppOutline], decode: Callable[[Raw], ManifestApp]
) -> dict[PartId, StoredPart]:
    """The parts of these apps, each with its text and its outline; of an app that has programs alone, no more is read.
    Raises ValueError.
    """
    stored: dict[PartId, StoredPart] = {}
    for name, app in apps.items():
        if app.libraries or app.bundles:
            stored.update((part.id, part) for part in parts_of_app(name, decode(texts[name])))
        elif app.binaries:
            part = PartId(name)
            stored[part] = UnreadPart(part, tuple([item.path for item in app.binaries.values()]), texts[name])
    check_paths([path for item in stored.values() for path in paths_of(item)])
    return stored


def read_part(part: UnreadPart, app: ManifestApp) -> InstalledPart:
    """The part of an app that has one. Raises ValueError."""
    (read,) = parts_of_app(part.id.app, app)
    return read
