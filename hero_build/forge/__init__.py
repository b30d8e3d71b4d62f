"""Where releases live: a Forgejo server, a mirror, a lock file. Importing it loads nothing (forge/unchanged.py)."""
