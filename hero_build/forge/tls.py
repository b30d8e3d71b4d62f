"""Which certificates are trusted."""

import os
import ssl


def tls_context() -> ssl.SSLContext:
    """Trusts the machine's own certificates, which include private authorities; certifi's where it has none."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and os.listdir(paths.capath)):
        return ssl.create_default_context()
    from hero_build.forge.lean_httpx import httpx  # for the certificates that it comes with

    return httpx.create_ssl_context()
