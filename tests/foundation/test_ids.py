"""Ids sort by time, codes can be read out, digests tell requests apart."""

from __future__ import annotations

from ticketing.foundation.ids import CODE_ALPHABET, new_code, new_id, new_token, request_digest, token_digest


def test_ids_rise_when_made_one_after_another() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 1000
    assert {made.version for made in ids} == {7}


def test_codes_use_only_letters_that_are_not_mistaken() -> None:
    codes = [new_code() for _ in range(2000)]
    assert set("".join(codes)) == set(CODE_ALPHABET)
    assert {len(code) for code in codes} == {8}
    assert not set(CODE_ALPHABET) & set("0O1I")


def test_digest_differs_when_the_same_bytes_are_cut_elsewhere() -> None:
    digests = {request_digest(b"salt", b"ab", b"c"), request_digest(b"salt", b"a", b"bc"), request_digest(b"other", b"ab", b"c")}
    assert len(digests) == 3
    assert request_digest(b"salt", b"ab", b"c") in digests


def test_tokens_are_stored_only_as_their_digest() -> None:
    token = new_token()
    assert len(token) >= 43
    assert token.encode() not in token_digest(token)
    assert token_digest(token) == token_digest(token) != token_digest(new_token())
