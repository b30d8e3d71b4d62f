"""hero_embedder: needs ONNX Runtime; its set is read from the repo or the release."""

from hero_build.recipe import Cargo, Platform, Recipe

from ._onnx import CARGO, LIBRARIES


class HeroEmbedder(Recipe):
    repo = "lhumina_code/hero_embedder"
    libc = "gnu"
    libraries = LIBRARIES

    def cargo(self, platform: Platform) -> Cargo:
        return CARGO
