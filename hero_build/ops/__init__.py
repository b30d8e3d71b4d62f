"""One module per command that changes something."""
