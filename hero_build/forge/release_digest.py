"""A digest of what decides about a release: the fields of its document that hero-build reads.

Others, such as how often an asset was downloaded, change without a meaning.
"""

from _blake2 import blake2b  # hashlib loads OpenSSL: 4 ms

TYPE_CHECKING = False  # this is imported where typing would take longer than all else (forge/unchanged.py)
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

RELEASE_FIELDS = ("tag_name", "target_commitish", "draft", "prerelease", "created_at")
ASSET_FIELDS = ("name", "size", "uuid", "sha256", "browser_download_url", "type")


def release_digest(document: "Mapping[str, Any]") -> str:
    """Of a release as the API sends it, once it is decoded. A field that is missing counts as one that is null."""
    assets = [[asset.get(field) for field in ASSET_FIELDS] for asset in document.get("assets") or ()]
    values = [document.get(field) for field in RELEASE_FIELDS]
    return blake2b(repr((values, assets)).encode(errors="surrogatepass"), digest_size=16).hexdigest()
