"""What runs: supervisors over Unix sockets, which services run installed programs, and restarting them.

supervisors = connect.connect(connect.sockets(settings, os.environ), patience, emit)
outcomes = restart.restart(wants, supervisors, place, emit)
"""
