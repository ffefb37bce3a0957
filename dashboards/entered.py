"""What people enter, checked by the rules that the API has for the same."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ticketing.foundation.errors import Invalid

Body = TypeVar("Body", bound=BaseModel)


def checked(form: type[Body], /, **entered: object) -> Body:
    """What was entered, by the API's own rules for it; raises `Invalid` naming the fields."""
    try:
        return form.model_validate(entered)
    except ValidationError as error:
        fields = {".".join(map(str, wrong["loc"])): wrong["msg"] for wrong in error.errors(include_input=False)}
        raise Invalid("This is not acceptable.", fields=fields) from None
