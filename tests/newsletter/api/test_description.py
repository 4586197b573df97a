"""The OpenAPI description, and the page for people that is made from it."""

import html
import re

from newsletter.api.problems import KINDS
from tests.newsletter.api.conftest import Program, problem


def test_the_description_names_everything_and_nothing_but_the_api(sqlite_program: Program) -> None:
    described = sqlite_program.get("/openapi.json", key=None).json()
    assert described["openapi"].startswith("3.1")
    assert described["servers"] == [{"url": "http://news.example.org/api"}]
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    assert all(path.startswith("/v1/") for path in described["paths"])
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids) == 10
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert "500" in operation["responses"]
        assert ("401" in operation["responses"]) == ("security" in operation)
        assert ("415" in operation["responses"]) == ("requestBody" in operation)
        for body in operation.get("requestBody", {}).get("content", {}).values():
            name = body["schema"]["$ref"].rpartition("/")[2]
            assert described["components"]["schemas"][name]["additionalProperties"] is False
            assert described["components"]["schemas"][name]["examples"]
    assert described["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_the_examples_of_the_description_work(sqlite_program: Program) -> None:
    schemas = sqlite_program.get("/openapi.json", key=None).json()["components"]["schemas"]
    (update,) = schemas["UpdateDraft"]["examples"]
    made = sqlite_program.post("/updates", update | {"priority_area_id": 1})
    assert made.status_code == 201
    (change,) = schemas["UpdateChange"]["examples"]
    assert sqlite_program.patch(f"/updates/{made.json()['id']}", change).status_code == 200
    parent, professional = schemas["Subscription"]["examples"]
    assert sqlite_program.post("/lists/parents/subscriptions", parent).status_code == 202
    professional |= {"school_urn": 100_001}
    assert sqlite_program.post("/lists/professionals/subscriptions", professional).status_code == 202


def test_the_page_shows_every_operation_field_and_problem_without_scripts(sqlite_program: Program) -> None:
    described = sqlite_program.get("/openapi.json", key=None).json()
    page = sqlite_program.door.get("/api/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    text = html.unescape(re.sub(r"<[^>]+>", "", page.text))
    for path, methods in described["paths"].items():
        for method in methods:
            assert f"{method.upper()} /api{path}" in text
    for name, schema in described["components"]["schemas"].items():
        for field in schema.get("properties", {}):
            assert field in text, (name, field)
    for scope in ("subscribe", "updates:read", "updates:write"):
        assert f"<code>{scope}</code>" in page.text
    assert all(f"/api/problems/{name}" in page.text for name in KINDS)
    assert not re.search(r'(src|href)="https?://(?!news\.example\.org|offer\.example\.org)', page.text)


def test_the_type_of_every_problem_is_a_page(sqlite_program: Program) -> None:
    for name, kind in KINDS.items():
        page = sqlite_program.door.get(f"/api/problems/{name}")
        assert page.status_code == 200
        assert html.escape(kind.title) in page.text
    assert sqlite_program.door.get("/api/problems/none").status_code == 404
    said = problem(sqlite_program.get("/updates/99"), 404, "not-found")
    assert sqlite_program.door.get(said["type"].removeprefix("http://news.example.org")).status_code == 200
