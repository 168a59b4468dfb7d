"""Slack's text and blocks as HTML. Everything that is not our own markup is escaped."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from demo.workspace.elements import options_of
from demo.workspace.model import JSON, Channel
from demo.workspace.state import Workspace

EMOJI = {
    "white_check_mark": "✅",
    "x": "❌",
    "warning": "⚠️",
    "hourglass_flowing_sand": "⏳",
    "hourglass": "⌛",
    "large_blue_circle": "🔵",
    "repeat": "🔁",
    "no_entry_sign": "🚫",
    "alarm_clock": "⏰",
    "wastebasket": "🗑️",
    "grey_question": "❔",
    "question": "❓",
    "eyes": "👀",
    "rocket": "🚀",
    "bell": "🔔",
    "no_bell": "🔕",
    "sunrise": "🌅",
    "mag": "🔍",
    "tada": "🎉",
    "wave": "👋",
    "information_source": "ℹ️",  # noqa: RUF001  # the emoji itself
    "link": "🔗",
    "stopwatch": "⏱️",
    "octagonal_sign": "🛑",
    "bulb": "💡",
    "lock": "🔒",
    "turtle": "🐢",
    "calendar": "📅",
    "mute": "🔇",
    "arrows_counterclockwise": "🔄",
}

_SPAN = re.compile(
    r"```(?P<pre>.+?)```"
    r"|`(?P<code>[^`\n]+)`"
    r"|<(?P<angle>[^<>\n]+)>"
    r"|:(?P<emoji>[a-z0-9_+'-]+):"
    r"|(?<![\w*])\*(?P<bold>[^*\n]*[^*\s])\*(?![\w*])"
    r"|(?<![\w_])_(?P<italic>[^_\n]*[^_\s])_(?![\w_])"
    r"|(?<![\w~])~(?P<strike>[^~\n]*[^~\s])~(?![\w~])",
    re.DOTALL,
)


class Renderer:
    """Renders for one workspace, whose names it knows."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def mrkdwn(self, text: str) -> Markup:
        """Return mrkdwn as HTML; a line that starts with > is a quotation."""
        out: list[Markup] = []
        quoted: list[Markup] = []
        # A block of code may run over lines: it is one piece, whatever its lines start with.
        for line in re.split(r"\n(?=(?:[^`]|`(?!``))*(?:```[^`]*```[^`]*)*$)", text):
            quote = re.match(r"(?:&gt;|>) ?", line)
            if quote:
                quoted.append(self._spans(line[quote.end() :]))
                continue
            if quoted:
                out.append(Markup("<blockquote>{}</blockquote>").format(_lines(quoted)))
                quoted = []
            out.append(self._spans(line))
        if quoted:
            out.append(Markup("<blockquote>{}</blockquote>").format(_lines(quoted)))
        return _lines(out)

    def _spans(self, text: str) -> Markup:
        out, end = Markup(""), 0
        for match in _SPAN.finditer(text):
            out += self._plain(text[end : match.start()])
            out += self._span(match)
            end = match.end()
        return out + self._plain(text[end:])

    def _span(self, match: re.Match[str]) -> Markup:
        kind, text = match.lastgroup, match[match.lastgroup or 0]
        if kind == "angle":
            return self._angle(text)
        if kind == "emoji":
            return Markup('<span class="emoji" title="{0}">{1}</span>').format(
                f":{text}:", EMOJI.get(text, f":{text}:")
            )
        if kind in ("pre", "code"):
            return Markup(f"<{kind}>{{}}</{kind}>").format(_unescaped(text.strip("\n")))  # noqa: S704  # the tag is ours
        tag = {"bold": "b", "italic": "i", "strike": "s"}[str(kind)]
        return Markup(f"<{tag}>{{}}</{tag}>").format(self._spans(text))  # noqa: S704  # the tag is ours

    def _angle(self, text: str) -> Markup:
        target, _, label = text.partition("|")
        if target.startswith("!date^"):
            parts = target.split("^")
            if len(parts) >= 3 and re.fullmatch(r"\d{1,11}", parts[1]):
                when = datetime.fromtimestamp(int(parts[1]), UTC).isoformat()
                return Markup('<time datetime="{}" data-format="{}">{}</time>').format(
                    when, parts[2], label
                )
        if target.startswith("@"):
            user = self._workspace.users.get(target[1:])
            name = user.name if user else target[1:]
            return Markup('<span class="mention">@{}</span>').format(name)
        if target.startswith("#"):
            channel = self._workspace.channels.get(target[1:])
            return Markup('<span class="mention">#{}</span>').format(
                channel.name if channel else label or target[1:]
            )
        if target.startswith("!"):
            return Markup('<span class="mention">@{}</span>').format(target[1:].split("^")[0])
        if urlsplit(_unescaped(target)).scheme in ("http", "https", "mailto"):
            shown = _unescaped(label or target)
            return Markup('<a href="{}" target="_blank" rel="noopener">{}</a>').format(
                _unescaped(target), shown
            )
        return escape(_unescaped(text))

    @staticmethod
    def _plain(text: str) -> Markup:
        return escape(_unescaped(text))

    def emoji_text(self, text: str) -> Markup:
        """Return plain text in which only emoji names mean something."""
        out, end = Markup(""), 0
        for match in re.finditer(r":([a-z0-9_+'-]+):", text):
            out += escape(text[end : match.start()])
            out += escape(EMOJI.get(match[1], match[0]))
            end = match.end()
        return out + escape(text[end:])

    def text(self, item: JSON | str | None) -> Markup:
        """Return a text object as HTML."""
        if not item:
            return Markup("")
        if isinstance(item, str):
            return escape(item)
        if item.get("type") == "mrkdwn":
            return self.mrkdwn(str(item.get("text", "")))
        return _lines([self.emoji_text(line) for line in str(item.get("text", "")).split("\n")])

    def rich_text(self, block: JSON) -> Markup:
        """Return a rich_text block as HTML, as far as people and bots write them here."""
        out: list[Markup] = []
        for part in block.get("elements", []):
            if part.get("type") == "rich_text_list":
                out.append(self._rich_list(part))
                continue
            spans = Markup("").join(self._rich_span(item) for item in part.get("elements", []))
            tag = {"rich_text_preformatted": "pre", "rich_text_quote": "blockquote"}.get(
                part.get("type"), "span"
            )
            out.append(Markup(f"<{tag}>{{}}</{tag}>").format(spans))  # noqa: S704  # the tag is ours
        return _lines(out)

    def _rich_list(self, part: JSON) -> Markup:
        tag = "ol" if part.get("style") == "ordered" else "ul"
        items = Markup("").join(
            Markup("<li>{}</li>").format(
                Markup("").join(self._rich_span(span) for span in item.get("elements", []))
            )
            for item in part.get("elements", [])
        )
        indent, start = int(part.get("indent") or 0), int(part.get("offset") or 0) + 1
        first = Markup(' start="{}"').format(start) if tag == "ol" and start > 1 else Markup("")
        return Markup(f'<{tag}{first} class="indent-{indent}">{{}}</{tag}>').format(items)  # noqa: S704  # the tag is ours

    def cell(self, item: JSON) -> Markup:
        """Return a cell of a table as HTML."""
        if item.get("type") == "rich_text":
            return self.rich_text(item)
        return escape(str(item.get("text", "")))

    def options(self, item: JSON) -> list[tuple[str, Markup]]:
        """Return the values and texts of a menu, groups opened."""
        return [(str(one["value"]), self.text(one["text"])) for one in options_of(item)]

    def people(self) -> list[tuple[str, str]]:
        """Return who can be chosen in a menu of people."""
        users = self._workspace.users.values()
        return [(user.id, user.real_name) for user in users if not user.is_bot]

    def conversations(self, channels: list[Channel]) -> list[tuple[str, str]]:
        """Return which of these can be chosen in a menu of conversations."""
        return [
            (one.id, "Beambot (direct message)" if one.kind == "im" else f"#{one.name}")
            for one in channels
            if not one.archived
        ]

    def _rich_span(self, item: JSON) -> Markup:
        kind = item.get("type")
        if kind == "user":
            return self._angle(f"@{item.get('user_id')}")
        if kind == "channel":
            return self._angle(f"#{item.get('channel_id')}")
        if kind == "emoji":
            return self.emoji_text(f":{item.get('name')}:")
        if kind == "usergroup":
            return self._angle(f"!{item.get('usergroup_id')}")
        if kind == "broadcast":
            return self._angle(f"!{item.get('range')}")
        if kind == "link":
            return self._angle(f"{item.get('url')}|{item.get('text') or item.get('url')}")
        shown = _lines([escape(line) for line in str(item.get("text", "")).split("\n")])
        style = item.get("style") or {}
        for name, tag in (("code", "code"), ("bold", "b"), ("italic", "i"), ("strike", "s")):
            if style.get(name):
                shown = Markup(f"<{tag}>{{}}</{tag}>").format(shown)  # noqa: S704  # the tag is ours
        return shown


def _lines(lines: list[Markup]) -> Markup:
    # A quotation is a block of its own: it needs no line break around it.
    out = Markup("")
    for at, line in enumerate(lines):
        apart = at and not (
            line.startswith("<blockquote>") or lines[at - 1].startswith("<blockquote>")
        )
        out += Markup("<br>") + line if apart else line
    return out


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
