"""Task ids in what people type and paste."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.tasks import find_task_ids, is_id_prefix, parse_task_id

ID = "07ce4078-bccc-4a42-b530-5f2653484a6a"
OTHER = "70101e46-269c-496b-bc8b-1f7ceeee2cce"


@pytest.mark.parametrize("text", [ID, ID.upper(), "00000000-0000-0000-0000-000000000000"])
def test_a_uuid_in_any_case_is_an_id(text: str) -> None:
    assert parse_task_id(text) == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        ID[:-1],
        ID + "0",
        ID + "\n",
        " " + ID,
        ID.replace("-", ""),
        "{" + ID + "}",
        ID.replace("0", "\u0660"),  # a digit, but of another script
        "../" + ID,
        ID.replace("a", "g"),
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert parse_task_id(text) is None


@pytest.mark.parametrize(
    "text",
    [
        ID,
        f"<https://platform.beam.cloud/tasks/{ID}|task>",
        f"https://api.beam.cloud/v2/task/{ID.upper()}/?a=1",
        f"`{ID}`, '{ID}' and ({ID}).",
        f'{{"task_id":"{ID}"}}',
        f"task_id={ID}",
        f"*{ID}*",
        f"endpoint-{ID}\n",
    ],
)
def test_an_id_is_found_in_what_people_paste(text: str) -> None:
    assert find_task_ids(text) == [ID]


def test_ids_keep_their_order_and_come_once() -> None:
    assert find_task_ids(f"{OTHER} {ID} {OTHER.upper()}") == [OTHER, ID]


@pytest.mark.parametrize(
    "text", ["a" + ID, ID + "0", ID + "-8b747792", "endpoint-" + ID + "-8b747792", "no id"]
)
def test_part_of_a_longer_identifier_is_no_id(text: str) -> None:
    assert find_task_ids(text) == []


@given(st.lists(st.uuids().map(str), max_size=5), st.text(alphabet=" ,;|<>()\n/=`é", min_size=1))
@settings(max_examples=60, deadline=None)
def test_every_separated_id_is_found(ids: list[str], between: str) -> None:
    assert find_task_ids(between.join(ids)) == list(dict.fromkeys(ids))


@given(st.text(max_size=200) | st.text(alphabet="0aF-g", max_size=120))
@settings(max_examples=100, deadline=None)
def test_whatever_is_found_is_an_id(text: str) -> None:
    assert all(parse_task_id(task_id) == task_id for task_id in find_task_ids(text))


@pytest.mark.parametrize("text", [ID[:8], ID[:9], ID[:20].upper(), ID[:35]])
def test_eight_or_more_characters_are_a_prefix(text: str) -> None:
    assert is_id_prefix(text)


@pytest.mark.parametrize("text", ["", ID[:7], ID, "07ce40780", "07ce-4078", "0" * 20, "failures"])
def test_what_no_id_starts_with_is_no_prefix(text: str) -> None:
    assert not is_id_prefix(text)
