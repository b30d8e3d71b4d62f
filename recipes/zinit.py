"""zinit: a supervisor of services."""

# Its binaries are generic packages (`zinit/dev`), not assets of a release. A build takes the default features: with
# `full`, zinit 0.3.9 does not compile. It is started as `zinit-server -s SOCKET -c CONFIG_DIR`; 0.3.9 does not honour
# the environment variables of its documentation.

from hero_build.recipe import Artifact, Package, Platform, Recipe, cli, server


class Zinit(Recipe):
    repo = "geomind_code/zinit"
    binaries = (cli("zinit"), server("zinit-server"))

    def package(self, version: str | None) -> Package:
        return Package("geomind_code", "zinit", version or "dev")

    def asset_name(self, artifact: Artifact, name: str, platform: Platform) -> str:
        return f"{name}-{platform.os}-{platform.arch}"
