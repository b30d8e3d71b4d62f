"""cargo: the packages of a workspace, one build, its messages and its errors."""
