"""hero-build puts the programs of Hero OS on a machine, keeps them right, and publishes them."""

__version__ = "0.1.0"
STATE = "var/hero_build"  # what is hero-build's own below a root
