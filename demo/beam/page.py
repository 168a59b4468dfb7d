"""The page of the simulated Beam, a plain one that asks the control API every second."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from demo.beam.catalog import CATALOG
from demo.beam.life import FINAL

HERE = Path(__file__).parent
STATIC = HERE / "static"
STATUSES = ("PENDING", "RUNNING", "RETRY", "COMPLETE", *sorted(FINAL - {"COMPLETE"}), "PAUSED")
OUTAGES = (
    ("500", "Errors (500)"),
    ("429", "Too many requests (429)"),
    ("401", "Token refused (401)"),
    ("404", "Unknown task (404)"),
    ("drop", "Dropped connections"),
    ("stall", "No answer for a minute"),
    ("html", "A proxy's error page"),
    ("junk", "Broken JSON"),
)


class Page:
    """Renders the page; everything live on it comes from its script."""

    def __init__(self) -> None:
        environment = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True)
        self._template = environment.get_template("beam.html")

    async def show(self, _request: Request) -> Response:
        """Answer `GET /`."""
        return HTMLResponse(
            self._template.render(recipes=CATALOG, statuses=STATUSES, outages=OUTAGES)
        )
