"""Programs that keep services running (zinit, hero_router), behind one Protocol. They know nothing of apps.

supervisors = discover.connect(discover.sockets(settings, os.environ), timeouts, emit)
"""
