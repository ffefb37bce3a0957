"""Contact data at rest."""

from __future__ import annotations

import base64
import os
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidTag

from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.rules import ContactKind
from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.settings import Secrets


def test_address_comes_back_when_it_was_encrypted(cipher: ContactCipher) -> None:
    value, key_id = cipher.encrypt("ada@example.org")
    assert cipher.decrypt(value, key_id) == "ada@example.org"


def test_ciphertext_tells_nothing_when_the_same_address_is_stored_twice(cipher: ContactCipher) -> None:
    first, _ = cipher.encrypt("ada@example.org")
    second, _ = cipher.encrypt("ada@example.org")
    assert first != second
    assert b"ada" not in first


def test_tampering_is_noticed_when_a_bit_of_the_ciphertext_changes(cipher: ContactCipher) -> None:
    value, key_id = cipher.encrypt("ada@example.org")
    with pytest.raises(InvalidTag):
        cipher.decrypt(value[:-1] + bytes([value[-1] ^ 1]), key_id)


def test_old_addresses_are_read_when_the_ring_has_a_newer_key(cipher: ContactCipher) -> None:
    value, key_id = cipher.encrypt("ada@example.org")
    rotated = replace(cipher, key_id="c2", keys=cipher.keys | {"c2": os.urandom(32)})
    assert rotated.decrypt(value, key_id) == "ada@example.org"
    assert rotated.encrypt("ada@example.org")[1] == "c2"


def test_missing_key_is_named_when_it_left_the_ring(cipher: ContactCipher) -> None:
    value, _ = cipher.encrypt("ada@example.org")
    with pytest.raises(Misconfigured, match="c0"):
        cipher.decrypt(value, "c0")


def test_index_is_the_same_when_an_address_differs_by_case_and_spaces(cipher: ContactCipher) -> None:
    assert cipher.blind_index(ContactKind.EMAIL, " Ada@Example.ORG ") == cipher.blind_index(ContactKind.EMAIL, "ada@example.org")


def test_index_differs_when_the_kind_or_the_key_does(cipher: ContactCipher) -> None:
    index = cipher.blind_index(ContactKind.EMAIL, "0301234")
    assert cipher.blind_index(ContactKind.PHONE, "0301234") != index
    assert ContactCipher.from_secrets(Secrets.generate()).blind_index(ContactKind.EMAIL, "0301234") != index


def test_index_uses_a_key_of_its_own_when_contacts_are_encrypted() -> None:
    secrets = Secrets.generate()
    assert base64.b64decode(secrets.blind_index_key) not in ContactCipher.from_secrets(secrets).keys.values()
