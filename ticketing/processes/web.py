"""The web processes: storefront and API, dashboards; and the two neighbours that a demo needs instead of real ones."""

from __future__ import annotations

from urllib.parse import urlsplit

from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.ports import require_free_port
from ticketing.foundation.settings import Settings
from ticketing.processes.children import Children, answers
from ticketing.processes.environment import environment_of, program

LOOPBACK = "127.0.0.1"


def port_in(url: str | None, setting: str) -> int:
    """The port that an address names; raises `Misconfigured` when it names none."""
    port = urlsplit(url or "").port
    if port is None:
        raise Misconfigured(f"{setting} must name a port, as in http://localhost:8000.")
    return port


def ports_of(settings: Settings) -> dict[str, int]:
    """Every port that a whole installation on one machine listens on, by what listens there."""
    return {
        "storefront": settings.port,
        "dashboards": port_in(settings.desk_url, "TICKETING_DESK_URL"),
        "prefect": port_in(settings.prefect_url, "TICKETING_PREFECT_URL"),
        "provider": port_in(settings.fake_provider_url, "TICKETING_FAKE_PROVIDER_URL"),
        "mail": settings.smtp_port,
    }


def require_free_ports(settings: Settings) -> None:
    """Raises `Misconfigured` for the first port that is in use."""
    for port in ports_of(settings).values():
        require_free_port(LOOPBACK, port)


def start_sink(children: Children, settings: Settings) -> None:
    """A mail server that keeps what it gets."""
    children.start("mail", [program("ticketing"), "sink", "--port", str(settings.smtp_port)], environment=environment_of(settings))


def start_provider(children: Children, settings: Settings, *, simulated_clock: bool) -> None:
    """The fake payment provider; its webhooks go to the storefront. With a simulated clock its callers say what time it is."""
    port = ports_of(settings)["provider"]
    command = [
        program("ticketing"),
        "provider",
        "--port",
        str(port),
        "--webhook-url",
        f"http://{LOOPBACK}:{settings.port}/api/payments/webhooks/fake",
    ]
    children.start("provider", command + ["--simulated-clock"] * simulated_clock, environment=environment_of(settings))
    children.wait_ready("provider", lambda: answers(f"http://{LOOPBACK}:{port}/health"))


def start_storefront(children: Children, settings: Settings) -> None:
    """Storefront and API. Does not wait."""
    children.start("storefront", [program("ticketing"), "serve", "--host", LOOPBACK], environment=environment_of(settings))


def start_dashboards(children: Children, settings: Settings) -> None:
    """The dashboards. Does not wait."""
    port = ports_of(settings)["dashboards"]
    children.start("dashboards", [program("ticketing"), "dashboards", "--port", str(port)], environment=environment_of(settings))


def storefront_answers(settings: Settings) -> bool:
    return answers(f"http://{LOOPBACK}:{settings.port}/health/ready")


def dashboards_answer(settings: Settings) -> bool:
    return answers(f"http://{LOOPBACK}:{ports_of(settings)['dashboards']}/_stcore/health")
