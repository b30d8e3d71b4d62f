"""Checkouts: where they are, how git reaches their forge, and how they are cloned and updated."""
