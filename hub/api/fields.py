"""What a request may hold, as the OpenAPI document tells: for a word on what it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Request

__all__ = ["fields_at", "operation_of"]


def operation_of(request: Request) -> dict[str, Any]:
    """What the document says of the request's address and method."""
    document: dict[str, Any] = request.app.openapi()
    document_address: str = request.app.openapi_url
    prefix = document_address.rpartition("/")[0]  # a route was made before the service's prefix came in front of it
    operation: dict[str, Any] = document["paths"][prefix + request.scope["route"].path_format][request.method.lower()]
    return operation


def fields_at(request: Request, place: Sequence[int | str]) -> list[str]:
    """The fields that the object at a place of the request's JSON may have; none where any may be there.

    Parameters
    ----------
    place : sequence of int or str
        Names of fields and places in lists, from the outside in.
    """
    schemas: dict[str, Any] = request.app.openapi()["components"]["schemas"]
    body = operation_of(request).get("requestBody", {}).get("content", {}).get("application/json", {})
    found = _resolved(body.get("schema", {}), schemas)
    for part in place:
        inner = found.get("items") if isinstance(part, int) else found.get("properties", {}).get(part)
        found = _resolved(inner or {}, schemas)
    return [*found.get("properties", ())]


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """A schema itself in place of a name of it, and the one with fields or items of several."""
    if "$ref" in schema:
        return _resolved(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    several = (_resolved(each, schemas) for each in schema.get("anyOf", ()))
    return next((each for each in several if each.keys() & {"properties", "items"}), schema)
