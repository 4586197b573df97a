"""Signing somebody up from the council's own website: its server asks in their name, and they confirm by mail as ever.

The answer is the same for every address, whatever is known about it (REQ-04). Where the reader is cannot be known here,
so it is the key's own limit that counts.
"""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from newsletter.api import answers, problems
from newsletter.api.asked import Slug, TheRuntime, body_of, takes, with_key
from newsletter.api.shapes import Accepted
from newsletter.core.errors import InvalidInput
from newsletter.staff.keys import KeyInUse
from newsletter.staff.models import KeyScope
from subscribers import intake, lists
from subscribers.details import MAXIMUM_SETTING_LENGTH
from subscribers.models import Phase, Role
from subscribers.signup import Details

router = APIRouter(tags=["Signing up"])

_ANSWER = Accepted(
    message="Accepted. If this address can get these emails, an email is on its way that asks to confirm."
)


class Subscription(BaseModel):
    """Somebody who asked for a mailing list. For parents and carers: an address and nothing else."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"email": "reader@example.org", "wording_version": 1},
                {"email": "senco@example.org", "wording_version": 1, "role": "senco", "school_urn": 123456},
            ]
        },
    )

    email: str = Field(max_length=320, json_schema_extra={"format": "email"})
    wording_version: int = Field(description="The version of the wording that your form showed")
    role: Role | None = Field(default=None, description="Professionals: what they do")
    school_urn: int | None = Field(
        default=None, description="Professionals: their school's number in “Get information about schools”"
    )
    setting_name: str | None = Field(
        default=None,
        max_length=MAXIMUM_SETTING_LENGTH,
        description="Professionals: the name of their setting, when it is not a school of that register",
    )
    phase: Phase | None = Field(default=None, description="Professionals: the phase they work in, if they say")

    @property
    def details(self) -> Details | None:
        given = Details(self.role, self.school_urn, self.setting_name, self.phase)
        return given if given != Details() else None


@router.post(
    "/v1/lists/{list_slug}/subscriptions",
    operation_id="subscribe",
    summary="Sign somebody up",
    status_code=202,
    response_model=Accepted,
    openapi_extra=takes(Subscription),
    responses=problems.described(
        "malformed", "key-needed", "not-allowed", "not-found", "too-slow", "conflict", "too-large", "media-type",
        "invalid", "too-many", "busy",
    ),
)  # fmt: skip
def subscribe(
    list_slug: Slug,
    key: Annotated[KeyInUse, with_key(KeyScope.SUBSCRIBE)],
    sent: Annotated[Subscription, Depends(body_of(Subscription))],
    runtime: TheRuntime,
) -> Response:
    """Asks for a mailing list in somebody's name. They get an email with a link, and nothing more unless they confirm.

    Your form must show the wording of the mailing list, and only people may send it. The answer is the same for every
    address, also for one that is on the list or must not be mailed.
    """
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        mailing_list = lists.by_slug(session, list_slug)
        assert mailing_list.id is not None
        if sent.wording_version != lists.current_wording(session, mailing_list.id).version:
            raise InvalidInput(
                "Your form showed another wording than the one in use. Show that one, and ask again.",
                field="wording_version",
            )
        intake.put_in(
            session,
            runtime.crypto,
            mailing_list_id=mailing_list.id,
            address=sent.email,
            details=sent.details,
            source=f"api: {key.name}",
            now=now,
        )
    return answers.answer(_ANSWER, status=202)
