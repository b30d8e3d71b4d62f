"""Environment variables that child processes do not inherit."""

TOKENS = ("FORGEJO_TOKEN", "GITEA_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")
"""A forge's tokens, as a person or the forge's CI sets them; hero-build uses the first."""
SECRETS = (*TOKENS, "HERO_MINISIGN_KEY", "HERO_MINISIGN_PASSWORD")
"""What no child process gets, and what is erased from this process's own environment block."""
SEALED = "HERO_BUILD_SEALED_TOKEN"
"""The descriptor of the token of a command that was started anew without it (system/secrets.py)."""

GIT_LOCAL = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
)
"""What git sets for its hooks: each would point every other git process at the hook's repository."""
