"""The steps of an install: resolve, plan a build, decide, produce."""
