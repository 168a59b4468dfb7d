"""Beam's payload: the documented one completely, and any broken one without an error."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.beam.errors import BadAnswer
from bot.beam.models import parse_task
from bot.tasks import FunctionKind, Output, Status, Task, TaskId

DOCUMENTED = (Path(__file__).parents[2] / "payloads" / "documented_task.json").read_bytes()
ID = TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a")


def parse(**fields: Any) -> Task:
    return parse_task(json.dumps({"id": ID, "status": "RUNNING", **fields}).encode(), expected=ID)


def parse_stub(**stub: Any) -> Task:
    return parse(stub=stub)


def test_the_documented_payload_is_read_completely() -> None:
    def at(microsecond: int) -> datetime:
        return datetime(2024, 7, 22, 14, 2, 28, microsecond, tzinfo=UTC)

    assert parse_task(DOCUMENTED, expected=ID) == Task(
        id=ID,
        status=Status("COMPLETE"),
        created_at=at(413232),
        started_at=at(466278),
        ended_at=at(475954),
        updated_at=at(477026),
        container_id="endpoint-d327e987-759d-493e-b3e4-005774bcf998-8b747792",
        function="app:squared",
        kind=FunctionKind.ENDPOINT,
        stub_name="endpoint/deployment/app:squared",
        cpu_millicores=1000,
        memory_mib=128,
        gpu=None,
        timeout_seconds=180,
        max_retries=0,
        queue_depth=0,
        active_containers=0,
    )


def test_id_and_status_are_enough() -> None:
    assert parse() == Task(ID, Status("RUNNING"))


def test_newer_fields_are_read() -> None:
    task = parse(
        result={"answer": 42, "é": [1]},
        failure_reason="out of\nmemory\x07\x1b[31m",
        deployment={"id": "1", "name": "squared", "version": 3},
        app="images",
        outputs=[{"name": "cat.png", "url": "https://x.test/cat.png?s=1", "expires_in": 3600}],
    )
    assert task.result == '{"answer": 42, "é": [1]}'
    assert task.failure_reason == "out of\nmemory[31m"
    assert (task.deployment, task.app) == ("squared", "images")
    assert task.outputs == (Output("cat.png", "https://x.test/cat.png?s=1", 3600),)


def test_an_unknown_status_is_kept() -> None:
    assert parse(status="WARMING UP").status == "WARMING UP"


@pytest.mark.parametrize("status", [None, 5, "", "  ", "x" * 65, "RUN\nNING", [], {}])
def test_an_unusable_status_is_a_bad_answer(status: Any) -> None:
    with pytest.raises(BadAnswer, match="status"):
        parse(status=status)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"5",
        b"{",
        b"<html>no</html>",
        b"\xff\xfe\x00",
        b"{}",
        b'{"id": 5}',
        b"[" * 100_000,
        b'{"id": "' + ID.encode() + b'"}',
        b"NaN",
        b"1" * 9_000,
    ],
)
def test_junk_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        parse_task(body, expected=ID)


def test_an_answer_about_another_task_is_refused() -> None:
    with pytest.raises(BadAnswer, match="another task"):
        parse(id="70101e46-269c-496b-bc8b-1f7ceeee2cce")


def test_an_error_quotes_nothing_of_the_payload() -> None:
    with pytest.raises(BadAnswer) as caught:
        parse_task(b'{"id": "sesame", "status": ["sesame"]', expected=ID)
    assert "sesame" not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "0001-01-01T00:00:00Z",
        "soon",
        5,
        1e300,
        True,
        [],
        {},
        "9999-12-31T23:59:59-23:59",
        "2024-13-01T00:00:00Z",
        "1e9",
        "2024-07-22T14:02:28" + "0" * 90,
    ],
)
def test_a_time_that_is_none(value: Any) -> None:
    assert parse(started_at=value).started_at is None


@pytest.mark.parametrize(
    "value",
    [
        "2024-07-22T14:00:00Z",
        "2024-07-22T16:00:00+02:00",
        "2024-07-22T14:00:00",
        "2024-07-22T14:00:00.000000000Z",
    ],
)
def test_times_are_aware_and_utc(value: str) -> None:
    started = parse(started_at=value).started_at
    assert started == datetime(2024, 7, 22, 14, tzinfo=UTC)
    assert started.tzinfo is UTC


@pytest.mark.parametrize(
    ("stub", "kind", "function"),
    [
        ({"name": "taskqueue/serve/jobs:nightly"}, FunctionKind.TASK_QUEUE, "jobs:nightly"),
        ({"name": "function/app:f", "config": {"handler": "no:no"}}, "function", "app:f"),
        ({"name": "asgi/deployment", "config": {"handler": "app:web"}}, "asgi", "app:web"),
        ({"name": "thing", "type": "schedule/deployment"}, "schedule", None),
        ({"name": 5, "type": "pod/run"}, "pod", None),
        ({"name": "new-kind/deployment/app:f"}, None, "app:f"),
        ({"name": "/", "type": "/", "config": {"handler": ""}}, None, None),
    ],
)
def test_kind_and_function(stub: dict[str, Any], kind: str | None, function: str | None) -> None:
    task = parse(stub=stub)
    assert (task.kind, task.function) == (kind, function)


@pytest.mark.parametrize(
    "config", [None, "", "{", "null", "[]", 5, [], "[" * 100_000, {"runtime": 1, "task_policy": ""}]
)
def test_a_broken_config_costs_only_what_it_says(config: Any) -> None:
    task = parse_stub(name="endpoint/deployment/app:f", config=config)
    assert task.function == "app:f"
    assert task.cpu_millicores is task.timeout_seconds is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        (2.0, 2),
        ("180", 180),
        (-1, None),
        (True, None),
        ("x", None),
        (None, None),
        (2**40, None),
        (float("inf"), None),
        (float("nan"), None),
        ("9" * 5000, None),
    ],
)
def test_numbers(value: Any, number: int | None) -> None:
    config = json.dumps({"task_policy": {"timeout": value}})
    assert parse_stub(config=config).timeout_seconds == number


def test_only_web_links_become_outputs_and_at_most_fifty() -> None:
    bad = ["javascript:alert(1)", "file:///etc/passwd", "https://", "https://[x", "", 5, "/a"]
    bad += ["https://x.test/a b", "https://x.test/" + "a" * 4000, "https://x.test/\n"]
    assert parse(outputs=[{"url": url} for url in bad] + [None, "x", []]).outputs == ()
    many = parse(outputs=[{"url": f"http://x.test/d/{n}.txt"} for n in range(70)]).outputs
    assert [output.name for output in many] == [f"{n}.txt" for n in range(50)]


def test_long_texts_are_cut() -> None:
    task = parse(result="r" * 50_000, failure_reason="f" * 29_000, container_id="c" * 900)
    assert task.result is not None
    assert task.failure_reason is not None
    assert task.container_id is not None
    lengths = (len(task.result), len(task.failure_reason), len(task.container_id))
    assert lengths == (20_000, 20_000, 300)
    assert task.result.endswith("r…")


def test_lone_surrogates_never_reach_the_database() -> None:
    task = parse(failure_reason="a\ud800b", result="\udfff", app="\ud800")
    assert (task.failure_reason, task.result, task.app) == ("ab", None, None)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
_STUB = st.fixed_dictionaries(
    {}, optional={"name": _JSON, "type": _JSON, "config": _JSON | _JSON.map(json.dumps)}
)
_FIELDS = [name for name in json.loads(DOCUMENTED) if name not in ("id", "status", "stub")]
_BROKEN = st.fixed_dictionaries(
    {},
    optional={
        "stub": _JSON | _STUB,
        **dict.fromkeys([*_FIELDS, "result", "failure_reason", "deployment", "app"], _JSON),
    },
)


@given(_BROKEN)
@settings(max_examples=150, deadline=None)
def test_no_field_of_any_type_is_an_error(fields: dict[str, Any]) -> None:
    task = parse(**fields)
    assert (task.id, task.status) == (ID, "RUNNING")
    for moment in (task.created_at, task.started_at, task.ended_at, task.updated_at):
        assert moment is None or moment.tzinfo is UTC


@given(st.binary(max_size=200) | _JSON.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=100, deadline=None)
def test_any_bytes_give_a_task_or_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        parse_task(body, expected=ID)
