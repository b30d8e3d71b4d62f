"""Recipes: where they are, what they say, and what a repo says of itself."""
