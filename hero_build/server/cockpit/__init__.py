"""The cockpit: a page over HTTP for one person, and what keeps others out of it.

access      the one-time token of an address, and the sessions of those who used one
gate        what every request over TCP must pass: Host, Origin, Sec-Fetch-Site, content type, session
listener    the TCP socket, and the addresses under which it is reached
files       the page's own files, in page/, served as they are
"""
