"""cargo: what a workspace has, one build, and what cargo says."""
