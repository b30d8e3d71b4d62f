"""Generations of any kind, for hypothesis."""

from hypothesis import strategies as st

from hero_build.model.installed import (
    Adopted,
    BuildInfo,
    Elf,
    FileEntry,
    Fingerprint,
    Generation,
    InstalledArtifact,
    InstalledPart,
    Origin,
    PartId,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAME = st.from_regex(r"[a-z][a-z0-9_.-]{0,9}", fullmatch=True)
DIGEST = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
MAYBE = st.none() | TEXT
MODES = st.sampled_from(["auto", "download", "source"])

builds = st.builds(
    BuildInfo,
    TEXT,
    st.dictionaries(TEXT, TEXT, max_size=3).map(lambda words: Fingerprint(tuple(words.items()))),
    TEXT,
    st.sampled_from([None, "direct", "wasm-pack"]),
    st.none() | st.booleans(),
)
origins = st.builds(
    Origin,
    version=TEXT,
    requested=MODES,
    used=st.sampled_from(["download", "source"]),
    why=TEXT,
    forge=TEXT,
    repo=TEXT,
    tag=MAYBE,
    commit=MAYBE,
    dirty=st.none() | st.booleans(),
    build=st.none() | builds,
    phase=st.sampled_from([None, "install", "shell", "islands"]),
)


def files(folder: str, name: str) -> st.SearchStrategy[FileEntry]:
    return st.builds(
        FileEntry, st.just(f"{folder}/{name}"), DIGEST, st.integers(0, 1 << 40), st.sampled_from([0o755, 0o644])
    )


@st.composite
def singles(draw: st.DrawFn, kind: str, folder: str) -> InstalledArtifact:
    name = draw(NAME)
    return InstalledArtifact(
        name,
        artifact=kind,  # type: ignore[arg-type]
        files=(draw(files(folder, name)),),
        kind=draw(st.sampled_from(["server", "admin", "web", "cli"])) if kind == "binary" else None,
        asset=draw(MAYBE),
        asset_id=draw(TEXT),
        asset_sha256=draw(st.none() | DIGEST),
        legacy_name=draw(st.booleans()),
        verified=tuple(draw(st.lists(TEXT, max_size=3))),
        elf=draw(st.none() | st.builds(Elf, TEXT, TEXT, st.booleans())),
    )


@st.composite
def bundles(draw: st.DrawFn, app: str) -> InstalledPart:
    name = draw(NAME)
    contents = draw(st.lists(files(f"share/hero_os/{name}", "x"), max_size=1))
    return InstalledPart(
        PartId(app, name), draw(origins), (InstalledArtifact(name, "bundle", tuple(contents), asset=draw(MAYBE)),)
    )


@st.composite
def records(draw: st.DrawFn) -> dict[PartId, InstalledPart]:
    parts: dict[PartId, InstalledPart] = {}
    for app in draw(st.lists(NAME, unique=True, max_size=3)):
        binaries = draw(st.lists(singles("binary", "bin"), max_size=2, unique_by=lambda entry: entry.name))
        libraries = draw(st.lists(singles("library", "lib"), max_size=1))
        if binaries or libraries:
            parts[PartId(app)] = InstalledPart(PartId(app), draw(origins), (*binaries, *libraries))
        for bundle in draw(st.lists(bundles(app), max_size=2)):
            parts[bundle.id] = bundle
    return parts


generations = st.builds(
    Generation,
    st.integers(1, 10**9),
    TEXT,
    TEXT,
    TEXT,
    records(),
    st.lists(st.builds(Adopted, NAME, st.sampled_from(["file", "link", "folder"])), unique_by=lambda a: a.path).map(
        tuple
    ),
)
