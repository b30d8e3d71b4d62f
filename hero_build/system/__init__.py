"""Child processes, file locks, fsync and small caches."""
