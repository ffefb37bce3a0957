"""Change capture: the stamp of tables that analytics reads.

`changed_xid` is the transaction that last wrote the row; a trigger renews it (see the first migration). Such tables are
never deleted from.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import BigInteger, SmallInteger, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.types import UserDefinedType

from ticketing.foundation.db import Base


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


class Captured:
    """Mixin: the row is exported to the warehouse."""

    @declared_attr
    def changed_xid(cls) -> Mapped[int]:
        return mapped_column(Xid8, server_default=text("pg_current_xact_id()"), index=True, sort_order=1000)


class CaptureToken(Base):
    """One row: a random token that the last capture left here and in the warehouse; they differ after any restore."""

    __tablename__ = "capture_token"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default=text("1"))
    token: Mapped[UUID]
    batch: Mapped[int] = mapped_column(BigInteger)
