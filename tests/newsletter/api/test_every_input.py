"""Schemathesis tries every operation of the description with every kind of input, on the real application.

No input may cause a fault of ours, and each answer must be one that the description promises: its status, media type,
headers and shape. What the description forbids must be refused, and so must every request without a key.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.openapi import from_dict
from starlette.types import ASGIApp, Receive, Scope, Send

from newsletter.api.application import create_api
from newsletter.core.clock import ManualClock
from tests.conftest import START, make_runtime
from tests.newsletter.api.conftest import Program, build

#: What a schema cannot say is answered with 422: a school that is not in the register, a text that is no Markdown of
#: ours, a last day before the first.
CONFIG = SchemathesisConfig.from_dict(
    {
        "seed": 20261103,
        # Parameters that are not ours are ignored, as they are by every website; fields that are not ours are refused.
        "generation": {"max-examples": 25, "deterministic": True, "allow-extra-parameters": False},
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ["2xx", "304", "404", "412", "422"]},
            # What is too long for a field may be too long for any request.
            "negative_data_rejection": {"expected-statuses": ["400", "401", "404", "405", "409", "413", "415", "422"]},
            "not_a_server_error": {"expected-statuses": ["2xx", "304", "4xx"]},
        },
    }
)


def described() -> dict[str, Any]:
    """The description, for which no database is needed."""
    return create_api(make_runtime("sqlite://", ManualClock(START), Path("var"))).openapi()


class Entrance:
    """Stands where the application will be: operations are gathered before there is a database."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


entrance = Entrance()
schema = from_dict(described(), config=CONFIG)
schema.app = entrance


@pytest.fixture(scope="module")
def program(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    directory = tmp_path_factory.mktemp("every-input")
    shutil.copy(sqlite_template, directory / "newsletter.db")
    runtime = make_runtime(
        f"sqlite:///{directory}/newsletter.db", ManualClock(START), directory, api_requests_per_minute=10**9
    )
    built = build(runtime)
    entrance.app = built.door.app
    yield built
    runtime.db.dispose()


@schema.parametrize()
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_a_promised_one(case: Case, program: Program) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {program.key}"})
