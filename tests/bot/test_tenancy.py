"""Budgets of requests: one for each token, however many workspaces connect it."""

from __future__ import annotations

import gc

from bot.tenancy import Budgets


def test_workspaces_with_the_same_token_share_one_budget() -> None:
    budgets = Budgets(50.0, lambda: 0.5)
    one, other = budgets.of("token-a"), budgets.of("token-b")
    assert budgets.of("token-a") is one
    assert other is not one
    assert one.rate == 25.0


def test_a_budget_is_forgotten_with_whoever_used_it() -> None:
    budgets = Budgets(50.0, lambda: 1.0)
    used = budgets.of("token-a")
    used.penalise(60.0)
    assert budgets.of("token-a").rate == 25.0
    del used
    gc.collect()
    assert budgets.of("token-a").rate == 50.0
