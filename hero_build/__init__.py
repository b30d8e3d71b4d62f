"""hero-build puts the programs of Hero OS on a machine, keeps them right, and publishes them."""

__version__ = "0.1.0"
