"""What is deployed beside the bot: the dashboard and the alert rules fit what it exports."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import Metrics
from bot.services.ports import DeliveryError
from bot.tasks.records import Trouble

ROOT = Path(__file__).parent.parent
OPERATING = (ROOT / "docs/operating.md").read_text()
# A development requirement without types of its own.
yaml: Any = pytest.importorskip("yaml")


def exported() -> dict[str, list[dict[str, str]]]:
    """Return the labels of every sample that a bot exports that has just started, by name."""
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(Metrics().text().decode()):
        if not family.name.endswith("_created"):
            found.setdefault(family.name + "_total" * (family.type == "counter"), [])
            for sample in family.samples:
                found.setdefault(sample.name, []).append(dict(sample.labels))
    return found


def named(expression: str) -> set[str]:
    """Return the metrics that an expression of PromQL names."""
    return set(re.findall(r"\b(?:beambot|process)_\w+", expression))


def asked(expression: str) -> Iterator[tuple[str, str, str]]:
    """Yield each metric, label and value that an expression asks for by name."""
    for metric, labels in re.findall(r"(\w+)\{([^}]*)\}", expression):
        for label, values in re.findall(r'(\w+)=~?"([^"$]*)"', labels):
            yield from ((metric, label, value) for value in values.split("|"))


def rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((ROOT / "deploy/alerts.yaml").read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "deploy/grafana-dashboard.json").read_text())
    return loaded


def queries() -> list[str]:
    return [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]


def test_alerts_and_panels_name_only_what_is_exported() -> None:
    for expression in [rule["expr"] for rule in rules()] + queries():
        assert named(expression), expression
        assert named(expression) <= set(exported()), expression


def test_a_value_that_an_alert_asks_for_is_there_before_it_first_happens() -> None:
    # A counter that appears as 1 has not increased for Prometheus: the first failure went unseen.
    found = list(asked(" ".join(rule["expr"] for rule in rules())))
    assert ("beambot_polls_total", "result", "unauthorized") in found
    for metric, label, value in found:
        assert value in [labels.get(label) for labels in exported()[metric]], (metric, value)


def test_every_result_that_is_counted_is_there_from_the_start() -> None:
    results = {labels["result"] for labels in exported()["beambot_polls_total"]}
    assert results == {"ok", "held back", *Trouble}
    deliveries = exported()["beambot_deliveries_total"]
    for error in DeliveryError.__subclasses__():
        for kind in ("post", "edit"):
            assert {"kind": kind, "result": error.__name__} in deliveries
    said = "".join(path.read_text() for path in sorted((ROOT / "bot").rglob("*.py")))
    where = set(re.findall(r'meter\.failed\("(\w+)"\)', said))
    assert where
    assert where == {labels["where"] for labels in exported()["beambot_errors_total"]}


def test_no_label_of_ours_is_one_that_prometheus_sets_itself() -> None:
    for name, samples in exported().items():
        assert not {"job", "instance"} & {key for labels in samples for key in labels}, name


def test_every_exported_metric_is_documented_and_nothing_else_is() -> None:
    section = OPERATING.split("### Metrics\n")[1].split("\n#")[0]
    table = {
        name for row in re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE) for name in named(row)
    }
    parts = re.compile(r"_(bucket|sum|count)$")
    families = {parts.sub("", name) for name in exported()}
    assert table == families


def test_an_alert_says_what_it_is_and_leads_to_its_runbook() -> None:
    for rule in rules():
        said = rule["annotations"]
        assert said["summary"]
        assert said["description"]
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert said["runbook"] == f"docs/operating.md#{rule['alert'].lower()}"


def test_the_runbook_has_a_section_for_each_alert_with_what_to_do() -> None:
    runbook = OPERATING.split("## When an alert fires\n")[1].split("\n## ")[0]
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", runbook, re.MULTILINE | re.DOTALL))
    assert set(sections) == {rule["alert"] for rule in rules()}
    for name, text in sections.items():
        for part in ("**Means:**", "**Look at", "**Do:**" if "**Do:**" in text else "**do:**"):
            assert part in text, name


def test_the_dashboard_can_be_imported_with_any_prometheus() -> None:
    board = dashboard()
    (given,) = board["__inputs"]
    assert given["type"] == "datasource"
    assert board["id"] is None
    source = {"type": "prometheus", "uid": "${" + given["name"] + "}"}
    needed = {required["id"] for required in board["__requires"]}
    for panel in board["panels"]:
        assert panel["datasource"] == source
        assert all(target["datasource"] == source for target in panel["targets"])
        assert panel["type"] in needed
    assert all(one["datasource"] == source for one in board["templating"]["list"])
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
