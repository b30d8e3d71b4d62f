"""Machines of a fleet: their units, what cloud-init reads at their first boot, and their lock file."""
