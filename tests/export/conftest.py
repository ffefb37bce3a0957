"""The fixtures of the warehouse's tests: export is proved against it."""

from tests.sql.conftest import ask, directory, market, run

__all__ = ["ask", "directory", "market", "run"]
