"""The way out: packing, and in time publishing."""
