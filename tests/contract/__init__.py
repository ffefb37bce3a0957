"""How the specification is fuzzed: how often, as whom, and what an answer must not do."""

from __future__ import annotations

import os

from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

EXAMPLES = int(os.environ.get("EXAMPLES", "3"))
ROLES = ("anyone", "buyer", "manager", "operator")
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
ENDS_THE_SESSION = ("/api/logout", "/api/signOut", "/api/sessions", "/api/guests", "/api/register", "/api/signUp")
"""Asked without a session: the other calls need theirs."""
