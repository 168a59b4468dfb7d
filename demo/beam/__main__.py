"""The command line of the simulated Beam API: `python -m demo.beam --port 8701`."""

import argparse
import sys

from demo.beam.app import TOKEN, create_app
from demo.beam.server import listen, server


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    options = argparse.ArgumentParser(prog="python -m demo.beam", description=__doc__)
    options.add_argument("--host", default="127.0.0.1", help="address to listen on")
    options.add_argument("--port", type=int, default=8701, help="port to listen on, 0 for any")
    options.add_argument("--token", default=TOKEN, help="bearer token to accept")
    options.add_argument("--speed", type=float, default=1.0, help="how fast tasks live")
    options.add_argument("--seed", type=int, default=1, help="decides the task ids")
    options.add_argument("--empty", action="store_true", help="start without tasks")
    return options


def main() -> int:
    """Run until stopped; return the exit code."""
    options = parser().parse_args()
    if options.speed <= 0:
        parser().error("--speed must be more than 0")
    try:
        sock = listen(options.host, options.port)
    except OSError as error:
        print(f"cannot listen on port {options.port}: {error.strerror}", file=sys.stderr)
        return 1
    host, port = sock.getsockname()
    print(f"simulated Beam on http://{host}:{port}/", flush=True)
    app = create_app(
        token=options.token, speed=options.speed, seed=options.seed, empty=options.empty
    )
    server(app).run(sockets=[sock])
    return 0


if __name__ == "__main__":
    sys.exit(main())
