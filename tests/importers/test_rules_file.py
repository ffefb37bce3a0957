"""The rule file: defaults, what overlays them, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ticketing.importers.rules_file import ImportRules, Place, RulesRefused


def load(tmp_path: Path, text: str) -> ImportRules:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    return ImportRules.load(path)


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("Manhattan, NY", Place("Manhattan", "America/New_York", "USD", "US")),
        ("Seoul, KOREA", Place("Seoul", "Asia/Seoul", "KRW", "KR")),
        ("Incheon, South Korea", Place("Incheon", "Asia/Seoul", "KRW", "KR")),
        ("Hong Kong, CHINA", Place("Hong Kong", "Asia/Hong_Kong", "HKD", "HK")),
        ("Singapore", Place("Singapore", "Asia/Singapore", "SGD", "SG")),
        ("Miami, FL", Place("Miami", "America/New_York", "USD", "US")),
        ("Pensacola, FL", None),
        ("Tenerife, SPAIN", None),
        ("Atlantis", None),
    ],
)
def test_place_has_a_zone_only_when_a_rule_knows_it(location: str, place: Place | None) -> None:
    assert ImportRules.load(None).place_of(location) == place


@pytest.mark.parametrize(
    ("category", "position", "currency", "minor"),
    [
        ("Premium", 3, "USD", 14_500),
        ("Premium", 3, "JPY", 21_800),
        ("Premium", 3, "HUF", 52_000_00),
        ("No rule for it", 1, "EUR", 7_200),
        ("No rule for it", 99, "USD", 4_000),
    ],
)
def test_price_is_rounded_to_the_currencys_step(category: str, position: int, currency: str, minor: int) -> None:
    assert ImportRules.load(None).price_minor(category, position, currency) == minor


def test_price_is_refused_when_the_currency_has_no_factor() -> None:
    with pytest.raises(RulesRefused, match=r"\[currency_factors\] SEK"):
        ImportRules.load(None).price_minor("Premium", 0, "SEK")


def test_file_wins_key_by_key_and_the_rest_keeps_the_defaults(tmp_path: Path) -> None:
    rules = load(tmp_path, '[prices.by_category]\nPremium = "200.50"\n[places.cities]\n"Oslo, NORWAY" = ["Europe/Oslo", "NOK", "NO"]\n')
    assert rules.price_minor("Premium", 0, "EUR") == 18_000
    assert rules.price_minor("Boxes", 0, "USD") == 12_000
    assert rules.place_of("Oslo, NORWAY") == Place("Oslo", "Europe/Oslo", "NOK", "NO")
    assert rules.place_of("Paris, FRANCE") is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sales", "can't be read"),
        ("[salse]\nx = 1", "salse"),
        ("[sales]\non_sale_weeks = 3", "sales.on_sale_weeks"),
        ("[sales]\non_sale_days_before = 0", "sales.on_sale_days_before"),
        ("sales = 3", "sales"),
        ("[prices]\nby_position = []", "prices.by_position"),
        ("[prices.by_category]\nPremium = -1", "prices.by_category.Premium"),
        ("[prices.by_category]\nPremium = nan", "prices.by_category.Premium"),
        ("[currency_factors]\nEUR = { factor = 0, step = 1 }", "currency_factors.EUR.factor"),
        ("[currency_factors]\nXXZ = { factor = 1, step = 1 }", "'XXZ' is not a currency code"),
        ('[places.states]\nFL = "America/Nowhere"', "'America/Nowhere' is not an IANA time zone"),
        ('[places.cities]\nOslo = ["Europe/Oslo", "NOK"]', "places.cities.Oslo"),
        ('[places.cities]\nOslo = ["Europe/Oslo", "NOK", "Norway"]', "places.cities.Oslo.2"),
        ('[events]\nprivate_are = "secret"', "events.private_are"),
    ],
)
def test_rule_file_is_refused_by_key_when_it_can_not_be_used(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RulesRefused) as refused:
        load(tmp_path, text)
    assert said in refused.value.message


def test_example_of_the_guide_is_a_rule_file(tmp_path: Path) -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs" / "importing.md").read_text()
    example = guide.split("```toml\n")[1].split("```")[0]
    rules = load(tmp_path, example)
    assert rules.sales.on_sale_days_before == 120
    assert rules.price_minor("Floor", 9, "EUR") == 2_700
