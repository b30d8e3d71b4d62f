"""Packs: one executable file with hero-build itself, a lock file and its contents (docs/commands/pack.md)."""
