"""The pages about the API: what each request takes and gives, made from the API's own OpenAPI description.

So it cannot say anything else than the description does, and needs no script and nobody else's website. What a type
URI of a problem leads to is here too.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup, escape

from newsletter.core.errors import NotFound
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.pages import BRIEFLY

router = APIRouter()

Description = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a body, or one parameter. Those inside others are named with dots, those in lists with []."""

    name: str
    kind: str
    words: Markup
    is_needed: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """One request, in words."""

    anchor: str
    method: str
    path: str
    title: str
    words: Markup
    scope: str
    parameters: tuple[Field, ...]
    sent: tuple[Field, ...]
    call: str  # how to make it with curl
    status: str
    given: tuple[Field, ...]
    problems: tuple[Description, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Operations that belong together."""

    name: str
    words: str
    operations: tuple[Operation, ...]


@router.get("/api/docs")
def documentation(request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    described = request.app.state.describe_api()
    with runtime.db.reading() as session:
        return pages.show(
            request,
            "api.html",
            site.current(session),
            cache=BRIEFLY,
            words=described["info"]["description"],
            groups=_groups(described),
            problems=described["x-problems"],
            problem_fields=tuple(_fields(described, described["components"]["schemas"]["Problem"])),
            base_url=runtime.settings.base_url,
        )


@router.get("/api/problems/{name}")
def problem_kind(name: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    """What an error of the API means: the address is the `type` of its problem details (RFC 9457)."""
    kind = next((each for each in request.app.state.describe_api()["x-problems"] if each["name"] == name), None)
    if kind is None:
        raise NotFound("There is no problem of that name.")
    with runtime.db.reading() as session:
        return pages.show(request, "api-problem.html", site.current(session), cache=BRIEFLY, kind=kind)


def _groups(described: Description) -> list[Group]:
    operations = [
        (operation["tags"][0], _operation(described, path, method, operation))
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    return [
        Group(tag["name"], tag["description"], tuple(each for name, each in operations if name == tag["name"]))
        for tag in described["tags"]
    ]


def _operation(described: Description, path: str, method: str, operation: Description) -> Operation:
    status, success = next((status, each) for status, each in operation["responses"].items() if status.startswith("2"))
    security = operation.get("security")
    body = operation.get("requestBody", {}).get("content", {})
    media_type = next(iter(body), "")
    schema = _resolved(described, body[media_type]["schema"]) if body else {}
    named = {f"#/components/responses/{problem['component']}": problem for problem in described["x-problems"]}
    return Operation(
        anchor=operation["operationId"],
        method=method.upper(),
        path=f"/api{path}",
        title=operation["summary"],
        words=_coded(operation["description"]),
        scope=next(iter(security[0].values()))[0] if security else "",
        parameters=tuple(_parameter(described, each) for each in operation.get("parameters", ())),
        sent=tuple(_fields(described, schema)),
        call=_call(described["servers"][0]["url"] + path, method.upper(), bool(security), media_type, schema),
        status=f"{status}: {success['description']}",
        given=tuple(_fields(described, success["content"]["application/json"]["schema"])),
        problems=tuple(named[each["$ref"]] for each in operation["responses"].values() if "$ref" in each),
    )


def _parameter(described: Description, parameter: Description) -> Field:
    places = {"path": "in the path", "query": "in the query", "header": "as a header"}
    name = parameter["name"].title() if parameter["in"] == "header" else parameter["name"]
    kind = f"{_kind(described, parameter['schema'])}, {places[parameter['in']]}"
    return Field(name, kind, _coded(parameter.get("description", "")), bool(parameter.get("required")))


def _fields(described: Description, schema: Description, before: str = "") -> Iterator[Field]:
    """Every field of a schema, those of inner objects after the one they are in."""
    schema = _resolved(described, schema)
    for name, field in schema.get("properties", {}).items():
        yield Field(
            before + name,
            _kind(described, field),
            _coded(field.get("description", "")),
            name in schema.get("required", ()),
        )
        inner, mark = _plain(described, field), "."
        if inner.get("type") == "array":
            inner, mark = _plain(described, inner["items"]), "[]."
        yield from _fields(described, inner, before + name + mark)


def _kind(described: Description, schema: Description) -> str:
    plain = _plain(described, schema)
    if "enum" in plain:
        words = "one of " + ", ".join(plain["enum"])
    elif plain.get("type") == "array":
        words = "a list"
    else:
        formats = {"date": "a date", "date-time": "a date and time", "uri": "an address", "email": "an email address"}
        types = {"integer": "a whole number", "object": "an object", "string": "a text", "boolean": "true or false"}
        words = formats.get(plain.get("format", "")) or types[plain["type"]]
    if "maxLength" in plain:
        words += f" of at most {plain['maxLength']:,} characters"
    return words + (" or null" if any(each.get("type") == "null" for each in schema.get("anyOf", ())) else "")


def _plain(described: Description, schema: Description) -> Description:
    """The schema without the possibility of null."""
    found = next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)
    return _resolved(described, found)


def _resolved(described: Description, schema: Description) -> Description:
    found: Description = schema
    while "$ref" in found:
        found = described["components"]["schemas"][found["$ref"].rpartition("/")[2]]
    return found


def _call(url: str, method: str, has_key: bool, media_type: str, schema: Description) -> str:
    for name, value in (("list_slug", "parents"), ("slug", "2026-11-03"), ("update_id", "7")):
        url = url.replace(f"{{{name}}}", value)
    lines = [f"curl {url}" if method == "GET" else f"curl -X {method} {url}"]
    if has_key:
        lines.append('-H "Authorization: Bearer $KEY"')
    if media_type:
        sent = json.dumps(schema["examples"][0], ensure_ascii=False, indent=2)
        lines += [f'-H "Content-Type: {media_type}"', f"-d '{sent}'"]
    return " \\\n  ".join(lines)


def _coded(text: str) -> Markup:
    """The text with what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 (escaped)
