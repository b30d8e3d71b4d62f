"""The values that the steps pass on."""
