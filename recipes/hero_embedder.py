"""hero_embedder: embeddings of text; it brings ONNX Runtime."""

# No list of its programs is known, so that it is read from the repo or from the release.

from hero_build.recipe import Cargo, Platform, Recipe, Service, ServiceContext

from ._onnx import CARGO, LIBRARIES, with_library


class HeroEmbedder(Recipe):
    repo = "lhumina_code/hero_embedder"
    libc = "gnu"
    libraries = LIBRARIES

    def cargo(self, platform: Platform) -> Cargo:
        return CARGO

    def services(self, ctx: ServiceContext) -> tuple[Service, ...]:
        return with_library(super().services(ctx), ctx)
