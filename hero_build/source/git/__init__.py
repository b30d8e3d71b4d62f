"""Checkouts: their paths, git's credentials, and how they are cloned and updated."""
