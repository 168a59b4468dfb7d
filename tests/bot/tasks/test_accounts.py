"""The address at which Beam calls back: what is written is read, and nothing else."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tasks.accounts import ACCOUNT_NAME, callback_url, read_callback_query

HOST = "https://bot.example.com"


def test_an_address_is_what_a_person_expects() -> None:
    url = callback_url(HOST, "T123", "main")
    assert url == "https://bot.example.com/beam/callback?workspace=T123&account=main"


@given(st.from_regex(ACCOUNT_NAME, fullmatch=True))
def test_the_address_of_every_name_leads_back_to_it(name: str) -> None:
    query = urlsplit(callback_url(HOST, "T0123456789", name)).query
    assert read_callback_query(query.encode()) == ("T0123456789", name)


@pytest.mark.parametrize(
    "query",
    [
        b"",
        b"workspace=T1",
        b"account=main",
        b"workspace=T1&account=",
        b"workspace=T1&account=main&account=main",
        b"workspace=T1&workspace=T2&account=main",
        b"workspace=T1&account=main&more=1",
        b"workspace=T1&account=main&",
        b"workspace=t1&account=main",
        b"workspace=T1&account=ma%00in",
        b"workspace=T1&account=main%0a",
        b"workspace=T1&account=%ff",
        b"workspace=T\xd9\xa1&account=main",
        b"workspace=T%D9%A1&account=main",
        b"workspace=" + b"T" * 33 + b"&account=main",
        b"workspace=T1&account=" + b"a" * 41,
        b"workspace=T1&account=" + b"a" * 1_000_000,
    ],
)
def test_what_names_not_one_of_each_names_nobody(query: bytes) -> None:
    assert read_callback_query(query) is None


@given(st.binary(max_size=300))
def test_no_query_is_too_odd_to_be_read(query: bytes) -> None:
    named = read_callback_query(b"workspace=T1&account=" + query)
    assert named is None or named[0] == "T1"
