"""Services of installed apps: what runs, whether it is healthy, and restarting it.

outcomes = restart.restart(requests, supervisors, site, timeouts, emit)
"""
