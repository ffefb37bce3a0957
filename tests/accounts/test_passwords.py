"""Passwords."""

from __future__ import annotations

import time

import pytest

from ticketing.accounts.passwords import LONGEST, SHORTEST, PasswordNotAcceptable, hash_password, verify_password

GOOD = "correct horse battery"


def test_password_is_verified_when_it_is_the_one_that_was_hashed() -> None:
    stored = hash_password(GOOD)
    assert verify_password(GOOD, stored) == (True, None)
    assert verify_password(GOOD + "!", stored) == (False, None)


def test_hash_is_argon2id_with_the_agreed_cost() -> None:
    assert hash_password(GOOD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("password", ["", "short", "x" * (SHORTEST - 1), "x" * (LONGEST + 1)])
def test_password_is_refused_when_it_is_too_short_or_too_long(password: str) -> None:
    with pytest.raises(PasswordNotAcceptable):
        hash_password(password)


@pytest.mark.parametrize("password", ["é" * SHORTEST, "twelve words", "🎭" * 64, "x" * LONGEST])
def test_password_is_accepted_whatever_its_characters(password: str) -> None:
    assert verify_password(password, hash_password(password)) == (True, None)


def test_nothing_is_cut_off_when_a_longer_password_is_tried() -> None:
    stored = hash_password("x" * LONGEST)
    assert verify_password("x" * (LONGEST + 1), stored) == (False, None)


def test_unknown_account_costs_as_much_when_a_password_is_tried() -> None:
    stored = hash_password(GOOD)
    verify_password(GOOD, None)  # makes the hash that stands in for an unknown account's

    def least_seconds(password_hash: str | None) -> float:
        seconds = []
        for _ in range(5):
            started = time.process_time()
            assert verify_password("wrong password", password_hash) == (False, None)
            seconds.append(time.process_time() - started)
        return min(seconds)

    known, unknown = least_seconds(stored), least_seconds(None)
    assert 0.4 < unknown / known < 2.5
