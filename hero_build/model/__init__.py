"""The values that the layers above share."""
