"""Finds ports to listen on: the wanted one, or the next that is free."""

import socket
from collections.abc import Collection

LAST = 65535


class NoFreePort(Exception):
    """Nothing can listen on any port from the wanted one on."""


def free_port(wanted: int, taken: Collection[int] = ()) -> int:
    """Return the first port from `wanted` on that nothing listens on and that is not `taken`.

    Raises:
        NoFreePort: if there is none up to the last port.
    """
    for port in range(wanted, LAST + 1):
        if port not in taken and _is_free(port):
            return port
    raise NoFreePort(f"no port from {wanted} on is free")


def _is_free(port: int) -> bool:
    # Without SO_REUSEADDR a port of a demo that ended a moment ago would be skipped; with it,
    # a port that something listens on is still refused.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
