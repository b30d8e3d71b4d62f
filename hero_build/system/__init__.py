"""Other programs, locks and small caches on this machine."""
