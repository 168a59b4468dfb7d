"""The command line of the demo: `python -m demo` runs it until Ctrl-C or until a part ends."""

import argparse
import asyncio
import signal
import sys
import tempfile
from pathlib import Path

from demo.launcher import Demo, Options
from demo.ports import NoFreePort
from demo.process import PartFailed


def main() -> int:
    """Run the demo; return 0 after Ctrl-C and 1 when a part failed."""
    options = parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="beambot-demo-") as folder:
        chosen = Options(
            port=options.port,
            speed=options.speed,
            patience=options.patience,
            app=options.app.resolve(),
            workspace=options.workspace,
        )
        return asyncio.run(run(chosen, Path(folder)))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    options = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    defaults = Options()
    options.add_argument(
        "--port", type=int, default=defaults.port, help="first port to try (default %(default)s)"
    )
    options.add_argument(
        "--speed", type=float, default=defaults.speed, help="how fast simulated tasks live"
    )
    options.add_argument(
        "--patience", type=float, default=defaults.patience, help="seconds a part may take to start"
    )
    # The parts can be exchanged, which is how the launcher itself is tested.
    options.add_argument("--app", type=Path, default=defaults.app, help=argparse.SUPPRESS)
    options.add_argument("--workspace", default=defaults.workspace, help=argparse.SUPPRESS)
    return options


async def run(options: Options, folder: Path) -> int:
    """Run the demo in `folder` until it is told to stop or a part fails; return the exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    try:
        demo = Demo(options, folder, say)
    except NoFreePort as error:
        print(f"{error}: give another one with --port.", file=sys.stderr)
        return 1
    work = asyncio.create_task(demo.run())
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            await work
    except PartFailed as failure:
        print(explain(failure), file=sys.stderr, flush=True)
        return 1
    finally:
        say("\nStopping ...")
        work.cancel()
        stopped.cancel()
        await asyncio.wait({work, stopped})
        await demo.stop()
    say("Everything has stopped.")
    return 0


def say(line: str) -> None:
    print(line, flush=True)


def explain(failure: PartFailed) -> str:
    """Return what a person needs after a failure: which part, why, what to do."""
    lines = ["", f"The demo ends: {failure.part} {failure.reason}."]
    if failure.output:
        lines += ["Its last lines:", *(f"    {line}" for line in failure.output)]
    if any("ModuleNotFoundError" in line for line in failure.output):
        lines.append("Something is not installed: start the demo with `make clean demo`.")
    elif any("cannot listen" in line or "in use" in line for line in failure.output):
        lines.append("A port was taken meanwhile: start it again, or with another --port.")
    else:
        lines.append("Start it again; if it stays, report these lines as an issue.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
