"""Sending by SMTP: one connection for many mails, and an honest answer for each.

The steps are taken one by one, because only what happens after the final dot is uncertain: a connection that breaks
before it has delivered nothing, one that breaks after it may have.
"""

from __future__ import annotations

import re
import smtplib
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from types import TracebackType

from ticketing.foundation.errors import Misconfigured, Unavailable
from ticketing.foundation.resilience import Circuit, CircuitOpen
from ticketing.foundation.settings import Settings
from ticketing.messages.rules import MessageState, state_after_refusal

TIMEOUT_SECONDS = 15
"""For each step. A mail takes at most nine of them, a new connection included: less than the lease of its message."""


class MailServerDown(Unavailable):
    """The mail server can't be reached, or takes no mails at present. No mail is affected."""


class Mailer:
    """A mail server. Use it as a context manager; the connection is opened when it is needed, and again when it was lost."""

    def __init__(self, *, host: str, port: int, sender: str) -> None:
        self.sender = sender
        self._host = host
        self._port = port
        self._connection: smtplib.SMTP | None = None
        self._circuit = Circuit("mail", failures=(MailServerDown,))

    @classmethod
    def from_settings(cls, settings: Settings) -> Mailer:
        """Raises `Misconfigured` when no mail server is set, or the sender's address is none."""
        if settings.smtp_host is None:
            raise Misconfigured("TICKETING_SMTP_HOST is missing: set it to the mail server that sends tickets.")
        try:
            Address(addr_spec=settings.smtp_from)
        except (ValueError, IndexError) as error:
            raise Misconfigured("TICKETING_SMTP_FROM must be a plain address, as in tickets@example.org.") from error
        return cls(host=settings.smtp_host, port=settings.smtp_port, sender=settings.smtp_from)

    def __enter__(self) -> Mailer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._drop()

    @property
    def domain(self) -> str:
        """Of the sender; mails and greetings carry it."""
        return self.sender.rpartition("@")[2]

    def connect(self) -> None:
        """Open the connection unless there is one, asking again when the server does not take it at once; raises `MailServerDown`."""
        if self._connection is not None:
            return
        try:
            self._connection = self._circuit.repeat(self._open)
        except CircuitOpen:
            raise self._down("it has failed several times in a row") from None

    def _open(self) -> smtplib.SMTP:
        connection = smtplib.SMTP(local_hostname=self.domain, timeout=TIMEOUT_SECONDS)
        try:
            code, _ = connection.connect(self._host, self._port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, b"")
            connection.ehlo_or_helo_if_needed()
        except (OSError, smtplib.SMTPException) as error:
            connection.close()
            raise self._down(type(error).__name__) from error
        return connection

    def send(self, message: EmailMessage) -> tuple[MessageState, str]:
        """Hand over one mail: (accepted, failed, suppressed or unknown; why, without addresses).

        `unknown`: the connection broke after the final dot. `suppressed`: there is no such mailbox. Raises `MailServerDown`.
        """
        recipient = message["To"].addresses[0].addr_spec
        try:
            connection = self._start_mail(international=not recipient.isascii())
            code, reply = connection.rcpt(recipient)
            if code not in (250, 251):
                return self._refused("recipient", code, reply, state_after_refusal(code, reply))
            code, reply = connection.docmd("data")
            if code != 354:
                return self._refused("mail", code, reply)
            connection.send(wire_bytes(message, international=not recipient.isascii()))
        except smtplib.SMTPNotSupportedError:
            return MessageState.FAILED, "the server takes no addresses beyond ASCII"
        except smtplib.SMTPSenderRefused as error:
            return self._refused("sender", error.smtp_code, b"")
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            self._drop()
            return MessageState.FAILED, f"connection lost before the end of the mail: {type(error).__name__}"
        try:
            code, reply = connection.getreply()
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            self._drop()
            return MessageState.UNKNOWN, f"connection lost after the end of the mail: {type(error).__name__}"
        return (MessageState.ACCEPTED, "accepted") if code == 250 else self._refused("mail", code, reply)

    def _start_mail(self, *, international: bool) -> smtplib.SMTP:
        """Name the sender. Servers close idle connections, and others after some mails: then once more on a new one."""
        options = ["SMTPUTF8"] if international else []
        if self._connection is not None:
            try:
                code, reply = self._connection.mail(self.sender, options)
            except (smtplib.SMTPServerDisconnected, OSError):
                code, reply = 421, b""
            if code == 250:
                return self._connection
            if code != 421:
                raise smtplib.SMTPSenderRefused(code, reply, self.sender)
            self._drop()
        self.connect()
        if self._connection is None:
            raise RuntimeError("connect() returned without a connection")
        try:
            code, reply = self._connection.mail(self.sender, options)
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            self._drop()
            raise self._down(type(error).__name__) from error
        if code == 421:
            self._drop()
            raise self._down("it closes every connection")
        if code != 250:
            raise smtplib.SMTPSenderRefused(code, reply, self.sender)
        return self._connection

    def _refused(self, what: str, code: int, reply: bytes, state: MessageState = MessageState.FAILED) -> tuple[MessageState, str]:
        """The server's numbers are kept, its words are not: they often repeat the address."""
        try:
            if code == 421 or self._connection is None:
                self._drop()
            else:
                self._connection.rset()
        except (smtplib.SMTPServerDisconnected, OSError):
            self._drop()
        status = re.match(rb"[245]\.\d{1,3}\.\d{1,3}\b", reply)
        return state, f"{what} refused: {code}" + (f" {status[0].decode()}" if status else "")

    def _down(self, why: str) -> MailServerDown:
        return MailServerDown(f"The mail server at {self._host}:{self._port} takes no mails: {why}.")

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def wire_bytes(message: EmailMessage, *, international: bool = False) -> bytes:
    """The mail as it follows DATA: lines end with CR LF, leading dots are doubled, a dot alone ends it (RFC 5321, 4.5.2)."""
    content = message.as_bytes(policy=SMTPUTF8 if international else SMTP)
    content = re.sub(rb"(?m)^\.", b"..", content)
    return content + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n")
