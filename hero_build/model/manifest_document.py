"""manifest.json as typed structs: `hero_build.manifest` decodes and encodes them, docs/manifest.schema.json shows them.

Fields are in the order of the keys in the file. A field that a document may lack is UNSET where it is never written
empty, and has a default where older documents lack it. Unknown fields are ignored.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from hero_build.model.installed import AdoptedForm, Backend, Elf, Kind, Mode, Phase, Used

DIGEST, OCTAL = "^[0-9a-f]{64}$", "^[0-7]{4,5}$"
"""What manifest_checks.py checks: for each text of a thousand apps, msgspec would call `re`."""
Sha256 = Annotated[str, Meta(extra_json_schema={"pattern": DIGEST})]
"""A digest: lower-case hex."""
ByteSize = Annotated[int, Meta(ge=0, description="bytes")]
FileMode = Annotated[str, Meta(description="the file's permission bits, octal", extra_json_schema={"pattern": OCTAL})]
LinkedPath = Annotated[str, Meta(extra_json_schema={"pattern": "^(bin|lib)/"}, description="relative to the root")]
InstallPhase = Annotated[Phase, Meta(description="the command that installs it; absent in older documents")]
ORIGIN = ("version", "requested", "used", "why", "source")
"""What an app with binaries or libraries must have."""
_AppRule = Meta(
    extra_json_schema={
        "if": {"anyOf": [{"properties": {key: {"minProperties": 1}}} for key in ("binaries", "libraries")]},
        "then": {"required": list(ORIGIN)},
    }
)


class ManifestSource(Struct, frozen=True):
    """The forge (an address without credentials), repository and commit that a part came from."""

    forge: str
    repo: str
    tag: str | None
    commit: str | None
    dirty: bool | None


class ManifestBuild(Struct, frozen=True, kw_only=True):
    """How a part was built; absent when that is not known."""

    ref: Annotated[str, Meta(description="the branch; empty: none was checked out")]
    wrapper: Annotated[str, Meta(description="what wrapped the compiler (sccache); empty: nothing")]
    backend: Annotated[Backend, Meta(description="what made a bundle")] | UnsetType = UNSET
    optimise: Annotated[bool, Meta(description="whether wasm-opt was run on a bundle")] | UnsetType = UNSET
    fingerprint: Annotated[
        dict[str, str],
        Meta(description="the inputs of the build by name; when all are equal, a rebuild would change nothing"),
    ]


class ManifestFile(Struct, frozen=True, kw_only=True):
    """A file of a bundle."""

    sha256: Sha256
    size: ByteSize
    mode: FileMode


class ManifestArtifact(Struct, frozen=True, kw_only=True):
    """A binary or a library: one file, and where it came from."""

    kind: Kind | UnsetType = UNSET
    install_only: Annotated[bool, Meta(description="true: another program starts it; absent: false")] | UnsetType = (
        UNSET
    )
    path: LinkedPath
    sha256: Sha256
    size: ByteSize
    mode: FileMode
    asset: Annotated[str | None, Meta(description="the asset it came from; null: it was built")]
    asset_id: Annotated[str, Meta(description="the forge's own id of the upload; empty when it has none")] = ""
    asset_sha256: Sha256 | None = None
    legacy_name: Annotated[bool, Meta(description="the asset has the name from before a rename")] = False
    verified: Annotated[tuple[str, ...], Meta(description="the checks it passed")]
    elf: Elf | UnsetType = UNSET


class ManifestBundle(Struct, frozen=True, kw_only=True):
    """The shell or an island: a folder of files, with an origin of its own."""

    version: str
    requested: Mode
    used: Used
    why: str
    phase: InstallPhase | UnsetType = UNSET
    source: ManifestSource
    build: ManifestBuild | UnsetType = UNSET
    files: dict[str, ManifestFile]
    asset: Annotated[str | None, Meta(description="the archive it came from; null: it was built")]
    asset_id: Annotated[str, Meta(description="the forge's own id of the upload; empty when it has none")] = ""
    asset_sha256: Sha256 | None = None
    legacy_name: bool = False
    verified: Annotated[tuple[str, ...], Meta(description="the checks it passed")]


class ManifestApp(Struct, frozen=True, kw_only=True):
    """An app. Without binaries and libraries it has no origin of its own: each bundle has one."""

    version: str | UnsetType = UNSET
    requested: Mode | UnsetType = UNSET
    used: Used | UnsetType = UNSET
    why: str | UnsetType = UNSET
    phase: InstallPhase | UnsetType = UNSET
    source: ManifestSource | UnsetType = UNSET
    build: ManifestBuild | UnsetType = UNSET
    binaries: dict[str, ManifestArtifact]
    libraries: dict[str, ManifestArtifact]
    bundles: dict[str, ManifestBundle]


class ManifestDocument(Struct, frozen=True, kw_only=True):
    """One committed state of a root."""

    schema: Literal[1]
    generation: Annotated[int, Meta(ge=1)]
    created: Annotated[str, Meta(description="UTC, RFC 3339, seconds")]
    tool: Annotated[str, Meta(description="what wrote it: hero-build and its version")]
    action: Annotated[str, Meta(description="the command that made this generation, as history shows it")] = ""
    lock: (
        Annotated[
            str, Meta(pattern="^[0-9a-f]{64}$", description="sha256 of the lock file that was installed, all of it")
        ]
        | UnsetType
    ) = UNSET
    apps: dict[str, Annotated[ManifestApp, _AppRule]]
    adopted: Annotated[
        dict[str, AdoptedForm],
        Meta(description="foreign files at linked names, by path; restored when no app owns the name any more"),
    ] = field(default_factory=dict)
