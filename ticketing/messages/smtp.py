"""Sending by SMTP: one connection for a batch, and an honest answer for each message."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from types import TracebackType

from ticketing.foundation.errors import Misconfigured
from ticketing.foundation.settings import Settings
from ticketing.messages.rules import MessageState

TIMEOUT_SECONDS = 20


class Mailer:
    """A mail server. Use it as a context manager: the connection is opened on first use and again after it was lost."""

    def __init__(self, *, host: str, port: int, sender: str) -> None:
        self.sender = sender
        self._host = host
        self._port = port
        self._connection: smtplib.SMTP | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Mailer:
        """Raises `Misconfigured` when no mail server is set."""
        if settings.smtp_host is None:
            raise Misconfigured("TICKETING_SMTP_HOST is missing: set it to the mail server that sends tickets.")
        return cls(host=settings.smtp_host, port=settings.smtp_port, sender=settings.smtp_from)

    def __enter__(self) -> Mailer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._drop()

    def send(self, message: EmailMessage) -> tuple[MessageState, str]:
        """(accepted, failed, suppressed or unknown; the server's answer without addresses).

        Unknown: the connection broke after the whole message was handed over, so it may have been taken.
        """
        try:
            connection = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return MessageState.FAILED, f"no connection: {type(error).__name__}"
        try:
            connection.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code = max(code for code, _ in error.recipients.values())
            self._drop()
            return (MessageState.SUPPRESSED if code >= 500 else MessageState.FAILED), f"recipient refused: {code}"
        except smtplib.SMTPResponseException as error:
            self._drop()
            return MessageState.FAILED, f"refused: {error.smtp_code}"
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            self._drop()
            return MessageState.UNKNOWN, f"connection lost: {type(error).__name__}"
        return MessageState.ACCEPTED, "accepted"

    def _connect(self) -> smtplib.SMTP:
        if self._connection is None:
            self._connection = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_SECONDS)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
