"""Settings: the only reader of the environment. Every name starts with `TICKETING_`.

Secrets are never defaults: `ticketing init` makes them once, in `<home>/secrets.json` (mode 0600).
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ticketing.foundation.errors import Misconfigured


class Secrets(BaseModel):
    """Keys of one installation, base64 (32 random bytes each)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ticket_key_id: str
    ticket_signing_key: str
    """Ed25519 seed; signs QR codes and audit seals."""
    contact_key_id: str
    contact_keys: dict[str, str]
    """AES-256-GCM key ring for contact data: key id → key."""
    blind_index_key: str
    request_digest_key: str
    fake_provider_api_key: str
    fake_provider_webhook_secrets: list[str]
    """One, or two while they are being rotated."""
    prefect_auth: str
    """`user:password` of Prefect's page and API."""

    def bytes_of(self, field: str) -> bytes:
        """The raw bytes of a base64 field."""
        return base64.b64decode(getattr(self, field))

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose (HKDF-SHA256, RFC 5869): a new purpose needs no new secret in anyone's file."""
        return HKDF(hashes.SHA256(), 32, salt=None, info=purpose.encode()).derive(self.bytes_of("request_digest_key"))

    @classmethod
    def generate(cls) -> Secrets:
        """Fresh random keys."""

        def key() -> str:
            return base64.b64encode(secrets.token_bytes(32)).decode()

        return cls(
            ticket_key_id="k1",
            ticket_signing_key=key(),
            contact_key_id="c1",
            contact_keys={"c1": key()},
            blind_index_key=key(),
            request_digest_key=key(),
            fake_provider_api_key=secrets.token_urlsafe(24),
            fake_provider_webhook_secrets=[secrets.token_urlsafe(24)],
            prefect_auth=f"ops:{secrets.token_urlsafe(12)}",
        )


class Settings(BaseSettings):
    """What an installation may choose."""

    model_config = SettingsConfigDict(env_prefix="TICKETING_", extra="forbid", frozen=True)

    home: Path = Path(".ticketing")
    """Everything this installation writes: PostgreSQL's files, secrets, warehouse, Prefect's home, logs."""
    environment: Literal["production", "demo", "test"] = "production"
    secrets_file: Path | None = None

    database_url: str | None = None
    """`postgresql://…` of the core role on your own server; empty: the embedded server."""
    database_owner_url: str | None = None
    database_reader_url: str | None = None

    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = "http://localhost:8000"
    desk_url: str = "http://localhost:8501"
    prefect_url: str = "http://localhost:4200"
    fake_provider_url: str | None = None
    """Base address of the fake payment provider; empty: it can't be chosen at checkout."""

    redis_url: str | None = None
    """`redis://…` shared by all serving processes for rate limits; empty: each process counts for itself."""

    cors_origins: str = ""
    """Origins (`https://app.example.org`), blank-separated, whose scripts may call the API with a token; empty: none."""
    metrics_token: str | None = None
    """The bearer token that /metrics asks for; empty: it answers this machine only, and nothing that came through a proxy."""
    access_log: Path | None = None
    """Where each answer is noted; empty: `<home>/logs/access.log`."""

    seat_streams_per_address: int = 30
    """Live seat maps that one address may watch at a time; the next is answered 429."""
    seat_streams_per_process: int = 5_000
    """Live seat maps that one process serves at a time; the next is answered 503."""

    google_client: str | None = None
    """`id:secret` of this installation at Google; empty: nobody signs in that way. So for the others."""
    google_url: str = "https://accounts.google.com"
    github_client: str | None = None
    github_url: str = "https://github.com"
    github_api_url: str = "https://api.github.com"
    facebook_client: str | None = None
    facebook_url: str = "https://www.facebook.com"
    facebook_api_url: str = "https://graph.facebook.com"

    smtp_host: str | None = None
    smtp_port: int = 25
    smtp_from: str = "tickets@localhost"

    @cached_property
    def home_path(self) -> Path:
        """`home`, absolute."""
        return self.home.expanduser().resolve()

    @field_validator("cors_origins")
    @classmethod
    def _only_origins(cls, value: str) -> str:
        for origin in value.split():
            parts = urlsplit(origin)
            local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
            if not (parts.scheme == "https" or local) or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
                raise ValueError(f"{origin} is no origin: https://host, or http://localhost with a port, and nothing after it")
        return value

    @property
    def allowed_origins(self) -> frozenset[str]:
        return frozenset(self.cors_origins.split())

    @property
    def access_log_path(self) -> Path:
        return self.access_log or self.home_path / "logs" / "access.log"

    @property
    def photos_path(self) -> Path:
        """Directory of the photos that people sent."""
        return self.home_path / "photos"

    @property
    def secrets_path(self) -> Path:
        return self.secrets_file or self.home_path / "secrets.json"

    @property
    def warehouse_path(self) -> Path:
        """Directory of the live warehouse file and the published snapshots."""
        return self.home_path / "warehouse"

    @cached_property
    def secrets(self) -> Secrets:
        """The installation's keys; raises `Misconfigured` when `ticketing init` has not run."""
        return read_secrets(self)


def read_secrets(settings: Settings) -> Secrets:
    """The keys as they stand in the file now; raises `Misconfigured`."""
    try:
        return Secrets.model_validate(json.loads(settings.secrets_path.read_text()))
    except FileNotFoundError as error:
        raise Misconfigured(f"No keys at {settings.secrets_path}: run `ticketing init` first.") from error
    except (json.JSONDecodeError, ValidationError) as error:
        raise Misconfigured(f"{settings.secrets_path} is damaged: restore it from your backup.") from error


def load_settings() -> Settings:
    """Read the environment; raises `Misconfigured` naming the setting that can't be read or is not known."""
    known = {f"TICKETING_{name.upper()}" for name in Settings.model_fields}
    for name in os.environ:
        if name.upper().startswith("TICKETING_") and name.upper() not in known:
            raise Misconfigured(f"Unknown setting {name}: known ones are listed in docs/operations.md.")
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"TICKETING_{str(first['loc'][0]).upper()}"
        raise Misconfigured(f"Setting {name} can't be used: {first['msg']}.") from error


def ensure_secrets(settings: Settings) -> None:
    """Make the installation's keys if there are none; never replaces any."""
    path = settings.secrets_path
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path, Secrets.generate())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its keys are the ones
    finally:
        draft.unlink()


def change_secrets(settings: Settings, change: Callable[[Secrets], Secrets]) -> Secrets:
    """Replace the keys by what `change` makes of them, as a whole or not at all; changes of several processes follow one another.

    Raises `Misconfigured` where the file may not be replaced.
    """
    path = settings.secrets_path
    try:
        with open(path.with_name(f"{path.name}.lock"), "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            changed = change(read_secrets(settings))
            _draft(path, changed).rename(path)
            directory = os.open(path.parent, os.O_RDONLY)
            os.fsync(directory)  # before anything is encrypted with a new key
            os.close(directory)
    except OSError as error:
        raise Misconfigured(f"{path} can't be replaced: {error.strerror}.") from error
    return changed


def _draft(path: Path, content: Secrets) -> Path:
    """The content beside `path`, on disk, readable to its owner alone."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content.model_dump_json(indent=2))
        file.flush()
        os.fsync(file.fileno())
    return draft
