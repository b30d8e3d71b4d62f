"""`hero-build serve`: the methods `service.*` over a Unix socket, as JSON-RPC 2.0, with events and operations.

serve(site, ready)      bind the socket, answer until SIGTERM
methods.METHODS         name ─► handler; the OpenRPC document is generated from the handlers' signatures
"""
