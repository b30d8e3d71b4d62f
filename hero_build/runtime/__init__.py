"""Supervisors behind Unix sockets, the services that run installed programs, and restarting them.

supervisors = discover.connect(discover.sockets(settings, os.environ), timeouts, emit)
outcomes = restart.restart(requests, supervisors, site, timeouts, emit)
"""
