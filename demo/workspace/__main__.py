"""The command line: `python -m demo.workspace --port 8000`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from starlette.routing import BaseRoute

from demo.workspace import manifest, page
from demo.workspace.model import Settings
from demo.workspace.server import Server
from demo.workspace.state import Workspace


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.workspace", description=__doc__)
    defaults = Settings()
    parser.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1")
    parser.add_argument("--events-url", help="the bot's request URL; without it, Socket Mode")
    parser.add_argument("--beam-url", help="the page of the simulated Beam, to be linked")
    parser.add_argument("--manifest", type=Path, help="the app's manifest, a JSON file")
    parser.add_argument("--bot-token", default=defaults.bot_token)
    parser.add_argument("--app-token", default=defaults.app_token)
    parser.add_argument("--signing-secret", default=defaults.signing_secret)
    parser.add_argument("--no-rate-limits", action="store_true", help="never answer 429")
    parser.add_argument(
        "--trigger-seconds",
        type=float,
        default=defaults.trigger_seconds,
        help="how long a dialog may be opened after a click; Slack's three seconds if not given",
    )
    parser.add_argument(
        "--retry-delays",
        default=",".join(str(delay) for delay in defaults.retry_delays),
        help="seconds before each repetition of an event that was not taken",
    )
    options = parser.parse_args()
    try:
        delays = tuple(float(delay) for delay in options.retry_delays.split(","))
    except ValueError:
        parser.error("--retry-delays: numbers with commas between them are needed")
    settings = Settings(
        bot_token=options.bot_token,
        app_token=options.app_token,
        signing_secret=options.signing_secret,
        rate_limits=not options.no_rate_limits,
        trigger_seconds=options.trigger_seconds,
        retry_delays=delays,
    )

    def pages(workspace: Workspace) -> Sequence[BaseRoute]:
        return page.routes(workspace, options.beam_url)

    try:
        server = Server(settings, options.port, options.events_url, pages)
    except OSError as error:
        parser.error(f"cannot listen on port {options.port}: {error.strerror}")
    if options.manifest:
        try:
            manifest.load(server.workspace, json.loads(options.manifest.read_text()))
        except (OSError, ValueError) as error:
            parser.error(f"--manifest: {error}")
    print(f"Workspace: {server.url}", flush=True)
    try:
        asyncio.run(server.serve())
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
