"""The reference page of the API, written from its own OpenAPI document: ``python -m hub.api.reference``.

A test holds ``docs/reference/api.md`` to what this writes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alphapulse_lib.settings import PROJECT, Settings
from hub.api.app import PREFIX, create

__all__ = ["PAGE", "markdown"]

PAGE = PROJECT / "docs" / "reference" / "api.md"

_INTRODUCTION = """# The REST API

Written from the OpenAPI document, which the hub serves at `/services/api/openapi.json`, by
`python -m hub.api.reference`.

{description}

A token is made on the hub's token page (`/hub/token`), or by `alphapulse token`:

```console
curl -H "Authorization: Bearer $TOKEN" "$HUB/services/api/v1/bars?symbol=AAPL&start=2012-01-01"
```
"""


class _Nobody:
    """The door of an application that nobody calls."""

    async def model(self, _token: str) -> dict[str, Any] | None:
        return None

    async def groups(self) -> dict[str, frozenset[str]]:
        return {}

    async def knows(self, _name: str) -> bool:
        return False


def markdown() -> str:
    """The page: every route with its parameters, body and answers."""
    with tempfile.TemporaryDirectory() as folder:
        document = create(Settings(home=Path(folder)), _Nobody()).openapi()
    tags: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            told = "\n".join(_operation(method, path, operation, document))
            tags.setdefault(operation["tags"][0], []).append(told)
    parts = [_INTRODUCTION.format(description=document["info"]["description"])]
    for tag in sorted(tags):
        parts += [f"## {tag.capitalize()}\n", *tags[tag]]
    return "\n".join(parts).rstrip() + "\n"


def _operation(method: str, path: str, operation: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    yield f"### `{method.upper()} {path.removeprefix(PREFIX)}`\n"
    yield f"{' '.join(operation.get('description', '').split())}\n"
    rows = [
        (f"`{each['name']}`", each["in"], _kind(each["schema"]), each.get("description", ""))
        for each in operation.get("parameters", ())
    ]
    body = operation.get("requestBody", {}).get("content", {})
    for media, content in body.items():
        schema = _resolved(content.get("schema", {}), document)
        fields = schema.get("properties", {})
        needed = schema.get("required", ())
        rows += [
            (f"`{name}`{' *' if name in needed else ''}", "body", _kind(field), field.get("description", ""))
            for name, field in fields.items()
        ]
        if not fields:
            rows.append(("", "body", f"`{media}`", schema.get("description", "")))
    if rows:
        yield "| name | where | kind | |\n|---|---|---|---|"
        yield "\n".join(
            f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in row)} |" for row in rows
        )
        yield ""
    yield f"Answers {', '.join(f'`{status}`' for status in sorted(operation['responses']))}.\n"


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(each) for each in schema["anyOf"] if each.get("type") != "null"))
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("type", "anything"))


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return dict(document["components"]["schemas"][name]) if name else schema


if __name__ == "__main__":
    PAGE.write_text(markdown(), encoding="utf-8")
    sys.stdout.write(f"Wrote {PAGE}\n")
