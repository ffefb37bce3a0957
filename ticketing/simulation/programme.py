"""What the simulated market is made of: vendors, their houses, and what they play. All of it is invented."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ticketing.simulation import plans


@dataclass(frozen=True, slots=True)
class House:
    name: str
    city: str
    country: str
    zone: str
    plan: Callable[[str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Show:
    """`nights` performances; `price` is that of the best category in major units of the vendor's currency."""

    title: str
    category: str
    artists: tuple[tuple[str, str], ...]
    house: int
    price: int
    nights: int = 1
    appeal: float = 1.0
    """How many more people want it than an ordinary evening."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Organiser:
    slug: str
    name: str
    zone: str
    currency: str
    fee_bps: int
    fee_fixed_minor: int
    tax_rate_bps: int
    houses: tuple[House, ...]
    shows: tuple[Show, ...]


CATEGORY_SHARE = {"Premium": 100, "Category A": 82, "Category B": 64, "Category C": 46, "Category D": 34, "Floor": 70, "Standing": 100}
"""Percent of a show's price, by category of the plan."""


def _club(capacity: int) -> Callable[[str], dict[str, Any]]:
    return lambda name: plans.club(name, capacity)


BERLIN = Organiser(
    slug="kanalbuehne",
    name="Kanalbühne Berlin",
    zone="Europe/Berlin",
    currency="EUR",
    fee_bps=450,
    fee_fixed_minor=60,
    tax_rate_bps=700,
    houses=(
        House("Theater am Kanal", "Berlin", "DE", "Europe/Berlin", plans.theatre),
        House("Kulturhalle Süd", "Berlin", "DE", "Europe/Berlin", plans.hall),
    ),
    shows=(
        Show("Der gläserne Berg", "theatre", (("Mira Holtkamp", "director"), ("Jonas Redlich", "cast")), 0, 48, nights=4),
        Show("Winterlicht: Lieder am Kamin", "classical", (("Annika Thalbach", "soprano"), ("Paul Eichwald", "piano")), 0, 38, nights=2),
        Show("Orchester der Werkstadt: Dvořák 8", "classical", (("Orchester der Werkstadt", "orchestra"),), 1, 62, nights=2, appeal=1.4),
        Show("Nachtfalter", "dance", (("Compagnie Ligne Claire", "company"),), 0, 44, nights=2, appeal=1.2),
        Show("Die Uhrmacherin", "theatre", (("Leonie Arnsberg", "cast"),), 0, 42, nights=2),
        Show("Große Silvestergala", "classical", (("Orchester der Werkstadt", "orchestra"), ("Tomás Aguilar", "tenor")), 1, 95, appeal=2.5),
    ),
)

LONDON = Organiser(
    slug="lamplighter",
    name="Lamplighter Presents",
    zone="Europe/London",
    currency="GBP",
    fee_bps=600,
    fee_fixed_minor=75,
    tax_rate_bps=2000,
    houses=(
        House("The Lamplighter Theatre", "London", "GB", "Europe/London", plans.theatre),
        House("Foundry Yard", "London", "GB", "Europe/London", _club(450)),
    ),
    shows=(
        Show("A Quiet Tide", "theatre", (("Harriet Vale", "playwright"), ("Idris Colby", "cast")), 0, 55, nights=4, appeal=1.3),
        Show("The Paper Lanterns", "rock", (("The Paper Lanterns", "band"),), 1, 28, appeal=3.0),
        Show("Marlow & Finch: Half Hour Late", "comedy", (("Marlow & Finch", "comedians"),), 0, 32, nights=2, appeal=1.6),
        Show("Copper Sky", "folk", (("Copper Sky", "band"), ("Nell Ashdown", "support")), 1, 24, nights=2),
        Show("Late Night Voltage", "electronic", (("Ada Voltage", "dj"),), 1, 19, nights=2, appeal=1.2),
        Show("Letters to the Moon", "family", (("Puddle Theatre", "company"),), 0, 22, nights=2, appeal=0.8),
    ),
)

TOKYO = Organiser(
    slug="hoshizora",
    name="Hoshizora Concerts",
    zone="Asia/Tokyo",
    currency="JPY",
    fee_bps=500,
    fee_fixed_minor=110,
    tax_rate_bps=1000,
    houses=(
        House("Hoshizora Hall", "Tokyo", "JP", "Asia/Tokyo", plans.hall),
        House("Kumo Live House", "Osaka", "JP", "Asia/Tokyo", _club(300)),
    ),
    shows=(
        Show(
            "Sumida Philharmonia: Mahler 1",
            "classical",
            (("Sumida Philharmonia", "orchestra"), ("Kaito Moriyama", "conductor")),
            0,
            9800,
            2,
        ),
        Show("Ayane Fujisaki Piano Recital", "classical", (("Ayane Fujisaki", "piano"),), 0, 7800, nights=2, appeal=1.5),
        Show("Neon Kitsune", "rock", (("Neon Kitsune", "band"),), 1, 5500, nights=3, appeal=2.2),
        Show("Film Music Night: Skies and Sea", "classical", (("Sumida Philharmonia", "orchestra"),), 0, 8400, nights=2, appeal=1.8),
        Show("Rakugo Evening", "comedy", (("Shōta Hanamizu", "storyteller"),), 0, 4200, nights=2, appeal=0.7),
    ),
)

LISBON = Organiser(
    slug="tejo-vivo",
    name="Tejo Vivo",
    zone="Europe/Lisbon",
    currency="EUR",
    fee_bps=500,
    fee_fixed_minor=50,
    tax_rate_bps=600,
    houses=(House("Pavilhão do Tejo", "Lisbon", "PT", "Europe/Lisbon", plans.arena),),
    shows=(
        Show("Marés", "rock", (("Marés", "band"), ("Vento Norte", "support")), 0, 45, nights=2, appeal=2.4),
        Show("Noite de Fado", "folk", (("Beatriz Salgueiro", "voice"), ("Rui Amado", "guitar")), 0, 36, nights=2, appeal=1.3),
        Show("Circo das Ondas", "family", (("Circo das Ondas", "company"),), 0, 30, nights=3),
        Show("Solstício Electrónico", "electronic", (("Lumen", "dj"), ("Kora & Vidal", "duo")), 0, 34, appeal=1.9),
        Show("Samba Sem Fim", "world", (("Banda Aurora", "band"),), 0, 32, nights=2, appeal=1.1),
    ),
)

PARIS = Organiser(
    slug="cave-bleue",
    name="La Cave Bleue",
    zone="Europe/Paris",
    currency="EUR",
    fee_bps=400,
    fee_fixed_minor=40,
    tax_rate_bps=550,
    houses=(House("La Cave Bleue", "Paris", "FR", "Europe/Paris", _club(220)),),
    shows=(
        Show("Quartet Minuit", "jazz", (("Élodie Garnault", "saxophone"), ("Quartet Minuit", "band")), 0, 24, nights=4),
        Show("Big Band du Canal", "jazz", (("Big Band du Canal", "band"),), 0, 29, nights=3, appeal=1.5),
        Show("Voix d'hiver", "chanson", (("Margot Lescure", "voice"),), 0, 26, nights=3, appeal=1.2),
        Show("Manouche Jam", "jazz", (("Trio Roulotte", "band"),), 0, 18, nights=3, appeal=0.8),
    ),
)

ORGANISERS = (BERLIN, LONDON, TOKYO, LISBON, PARIS)

# fmt: off
FIRST_NAMES = (
    "Ada", "Amir", "Anna", "Ben", "Carla", "Chloé", "Daniel", "Elena", "Emil", "Fatima", "Felix", "Freya", "Gabriel", "Hana", "Hugo",
    "Ines", "Jakob", "Jun", "Karim", "Lea", "Leo", "Lina", "Luca", "Maja", "Marta", "Mateo", "Mei", "Nina", "Noah", "Olga", "Omar",
    "Paula", "Priya", "Ravi", "Rosa", "Sam", "Sara", "Sofia", "Taro", "Tess", "Tim", "Tom", "Vera", "Yuki", "Zoé",
)
LAST_NAMES = (
    "Adler", "Almeida", "Baker", "Bauer", "Becker", "Bennett", "Costa", "Dubois", "Evans", "Ferreira", "Fischer", "Garcia", "Green",
    "Hartmann", "Ito", "Jansen", "Keller", "Kimura", "Klein", "Lambert", "Lopes", "Martin", "Meyer", "Mori", "Moreau", "Neumann", "Novak",
    "Okafor", "Patel", "Petit", "Reid", "Ribeiro", "Rossi", "Roux", "Santos", "Sato", "Schmidt", "Silva", "Singh", "Suzuki", "Tanaka",
    "Taylor", "Vogel", "Walker", "Weber", "Wood", "Yamada", "Young",
)
# fmt: on
