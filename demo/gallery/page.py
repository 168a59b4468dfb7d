"""All samples on one static page, at the width of a desktop and of a phone side by side."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from bot.slack.blocks.message import JSON, Message
from demo.gallery.sample import Sample
from demo.gallery.samples import SAMPLES
from demo.workspace import model
from demo.workspace.blockkit import with_ids
from demo.workspace.render import Renderer
from demo.workspace.seeds import acme
from demo.workspace.state import Workspace
from demo.workspace.transport import HttpTransport

HERE = Path(__file__).parent
PAGE = HERE.parent / "workspace"
TS = "1768478400.000100"


def gallery(samples: tuple[Sample, ...] = SAMPLES) -> str:
    """Return the page as HTML that needs no other file."""
    return Gallery().render(samples)


class Gallery:
    """Renders messages and views as the local workspace does."""

    def __init__(self) -> None:
        settings = model.Settings()
        nowhere = HttpTransport("http://127.0.0.1:9", settings.signing_secret)
        self._workspace = Workspace(settings, nowhere, acme)
        folders = [HERE / "templates", PAGE / "templates"]
        self._environment = Environment(
            loader=FileSystemLoader(folders), autoescape=True, trim_blocks=True
        )
        self._environment.globals.update(
            render=Renderer(self._workspace),
            workspace=self._workspace,
            clock=lambda ts: datetime.fromtimestamp(float(ts), UTC).isoformat(),
            day=str,
        )

    def render(self, samples: tuple[Sample, ...]) -> str:
        """Return the page."""
        shown = [
            (one, [(case, self._one(seen), seen) for case, seen in one.seen()]) for one in samples
        ]
        static = PAGE / "static"
        return self._environment.get_template("gallery.html").render(
            samples=shown,
            style=Markup((static / "workspace.css").read_text()),  # noqa: S704  # our own file
            dates=Markup((static / "dates.js").read_text()),  # noqa: S704  # our own file
        )

    def _one(self, seen: Message | JSON) -> Markup:
        if isinstance(seen, Message):
            message = model.Message(TS, "C0TRAINING", model.BOT_USER_ID, seen.text)
            message.blocks = with_ids(seen.blocks)
            return self._part("messages.html", messages=[message], in_thread=True)
        if seen["type"] == "home":
            return self._part("home.html", home={**seen, "blocks": with_ids(seen["blocks"])})
        view = {"close": None, **seen, "blocks": with_ids(seen["blocks"])}
        channels = self._workspace.channels_of("U0ANA")
        shown = model.View("V1", "h", "U0ANA", view)
        return self._part("modal.html", view=shown, channels=channels, current="C0TRAINING")

    def _part(self, name: str, **values: object) -> Markup:
        return Markup(self._environment.get_template(name).render(**values))  # noqa: S704  # escaped
