"""Slack's own charts, which not every workspace takes yet: never the only place of a figure.

https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.slack.blocks.message import CHART, JSON, MAX_CHART_LABEL, MAX_CHART_TITLE, plain


def bar_chart(
    title: str,
    categories: Sequence[str],
    series: Mapping[str, Sequence[int]],
    *,
    x_label: str,
    y_label: str,
) -> JSON:
    """Return bars, one of each series for each category.

    Args:
        title: what is shown.
        categories: what the bars stand over, each once, at most 20.
        series: at most six, by name; a value for each category.
        x_label: what the categories are.
        y_label: what the values are.
    """
    labels = [plain(category, MAX_CHART_LABEL) for category in categories]
    return {
        "type": CHART,
        "title": plain(title, MAX_CHART_TITLE),
        "chart": {
            "type": "bar",
            "series": [
                {
                    "name": plain(name, MAX_CHART_LABEL),
                    "data": [
                        {"label": label, "value": value}
                        for label, value in zip(labels, values, strict=True)
                    ],
                }
                for name, values in series.items()
            ],
            "axis_config": {
                "categories": labels,
                "x_label": plain(x_label, MAX_CHART_TITLE),
                "y_label": plain(y_label, MAX_CHART_TITLE),
            },
        },
    }
