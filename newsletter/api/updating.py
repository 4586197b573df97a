"""Progress updates, read and written by a content system as a member of staff would: checked alike, approved by others.

What is written counts as the work of the person who answers for the key, so they cannot approve it either.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo
from sqlmodel import Session

from newsletter.api import answers, problems
from newsletter.api.asked import TheRuntime, body_of, refusal_of, takes, with_key
from newsletter.api.problems import Refusal
from newsletter.api.shapes import Choices, PartnerShown, PriorityAreaShown, Updates, UpdateShown, picture_of
from newsletter.content import partners, pictures, updates
from newsletter.content.models import Update
from newsletter.content.updates import UpdateDraft
from newsletter.core.runtime import Runtime
from newsletter.editions import publishing
from newsletter.staff import audit, repeats
from newsletter.staff.keys import KeyInUse
from newsletter.staff.models import KeyScope

router = APIRouter(tags=["Updates"])

_WITH_KEY = ("key-needed", "not-allowed", "invalid", "too-many", "busy")
_WITH_BODY = ("malformed", "too-slow", "too-large", "media-type")

_WITH_ETAG: dict[str, Any] = {
    "headers": {"ETag": {"description": "Its revision, for If-Match", "schema": {"type": "string"}}}
}

Reader = Annotated[KeyInUse, with_key(KeyScope.UPDATES_READ)]
Writer = Annotated[KeyInUse, with_key(KeyScope.UPDATES_WRITE)]
UpdateId = Annotated[int, Path(ge=1, le=2**31 - 1)]

#: A merge patch (RFC 7396): fields that are left out stay, null empties one.
PATCH_TYPES = ("application/merge-patch+json", "application/json")


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _or_null(field: FieldInfo) -> Any:
    """The field with the limits it has, or null."""
    return (Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation) | None  # type: ignore


_FIELDS: dict[str, Any] = {name: (_or_null(field), None) for name, field in UpdateDraft.model_fields.items()}
UpdateChange: type[BaseModel] = create_model(
    "UpdateChange",
    __base__=_Change,
    __doc__="The fields of an update that change. What is left out stays; null empties a field.",
    **_FIELDS,
)


#: What the fields of an update mean, wherever one is described.
UPDATE_WORDS = {
    "priority_area_id": "The priority area it is about: an id from /v1/updates/choices",
    "partner_id": "The organisation it comes from: an id from /v1/updates/choices",
    "owner": "The role that answers for it; never a person's name",
    "evidence_url": "Where the evidence is; starts with https://",
    "evidence_label": "The words of that link, which say where it goes",
    "parent_title": "For parents and carers: the news in one line",
    "parent_body": "For parents and carers: restricted Markdown. Empty, with its title: it is not for them",
    "professional_title": "For professionals: the news in one line",
    "professional_body": "For professionals: restricted Markdown. Empty, with its title: it is not for them",
    "action": "What professionals should do, if anything",
    "action_by": "The day to do it by",
    "from_date": "The first day on which an edition may carry it",
    "until_date": "The last such day; null: there is none",
}
UPDATE_EXAMPLE = {
    "priority_area_id": 2,
    "partner_id": 1,
    "owner": "Head of SEND",
    "parent_title": "The helpline is open for longer",
    "parent_body": "You can call until **6pm** on weekdays.",
    "evidence_url": "https://www.example.org/helpline",
    "evidence_label": "See when the helpline is open",
    "from_date": "2026-11-03",
    "until_date": "2026-12-18",
}


@router.get(
    "/v1/updates/choices",
    operation_id="listChoices",
    summary="What an update may belong to",
    response_model=Choices,
    responses=problems.described(*_WITH_KEY),
)
def choices(key: Reader, runtime: TheRuntime) -> Response:
    """The priority areas and the organisations, with the ids that an update names them by."""
    with runtime.db.reading() as session:
        shown = Choices(
            priority_areas=[PriorityAreaShown.model_validate(each) for each in partners.priority_areas(session)],
            partners=[PartnerShown.model_validate(each) for each in partners.partners(session)],
        )
    return answers.answer(shown)


@router.get(
    "/v1/updates",
    operation_id="listUpdates",
    summary="All updates",
    response_model=Updates,
    responses=problems.described(*_WITH_KEY),
)
def all_updates(
    key: Reader,
    runtime: TheRuntime,
    limit: Annotated[int, Query(ge=1, le=100, description="Most updates in one answer")] = 20,
    cursor: Annotated[
        int | None, Query(ge=1, le=2**31 - 1, description="`next_cursor` of the answer before; without it, the newest")
    ] = None,
) -> Response:
    """Updates in the order they were written, newest first."""
    with runtime.db.reading() as session:
        found = updates.page(session, limit=limit + 1, before_id=cursor)
        shown = _shown(session, runtime, found[:limit])
    return answers.answer(Updates(updates=shown, next_cursor=shown[-1].id if len(found) > limit else None))


@router.post(
    "/v1/updates",
    operation_id="writeUpdate",
    summary="Write an update",
    status_code=201,
    response_model=UpdateShown,
    openapi_extra=takes(UpdateDraft),
    responses={
        201: {"headers": {"Location": {"description": "Its own address", "schema": {"type": "string"}}}},
        **problems.described(*_WITH_KEY, *_WITH_BODY),
    },
)
def write_update(
    key: Writer,
    sent: Annotated[UpdateDraft, Depends(body_of(UpdateDraft))],
    runtime: TheRuntime,
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern="^[!-~]{1,255}$",
            description="Any text of your own, new for each update. Sent again with the same key within 24 hours, the "
            "request does nothing again and has its first answer",
        ),
    ] = None,
) -> Response:
    """Keeps a new update. It comes into editions like any other, once they are assembled and approved."""
    now = runtime.clock.now()
    with runtime.db.transaction() as session:

        def written() -> str:
            update = updates.write(session, sent, author_id=key.staff_id, now=now)
            _note(session, runtime, key, "write update", update, "by a program", now=now)
            return _shown(session, runtime, [update])[0].model_dump_json()

        body = (
            written()
            if idempotency_key is None
            else repeats.once(
                session, idempotency_key, sent.model_dump_json().encode(), written, api_key_id=key.id, now=now
            )
        )
    location = f"{runtime.settings.base_url}/api/v1/updates/{UpdateShown.model_validate_json(body).id}"
    return answers.answer(body, status=201, headers={"location": location})


@router.get(
    "/v1/updates/{update_id:int}",
    operation_id="getUpdate",
    summary="One update",
    response_model=UpdateShown,
    responses={200: _WITH_ETAG, **problems.described(*_WITH_KEY, "not-found")},
)
def one_update(update_id: UpdateId, key: Reader, runtime: TheRuntime) -> Response:
    """One update as it stands now."""
    with runtime.db.reading() as session:
        return _answer(session, runtime, updates.by_id(session, update_id))


@router.patch(
    "/v1/updates/{update_id:int}",
    operation_id="changeUpdate",
    summary="Change an update",
    response_model=UpdateShown,
    openapi_extra=takes(UpdateChange, *PATCH_TYPES),
    responses={200: _WITH_ETAG, **problems.described(*_WITH_KEY, *_WITH_BODY, "not-found", "changed")},
)
def change_update(
    update_id: UpdateId,
    key: Writer,
    sent: Annotated[BaseModel, Depends(body_of(UpdateChange, *PATCH_TYPES))],
    runtime: TheRuntime,
    if_match: Annotated[
        str | None,
        Header(
            pattern='^"[0-9]{1,9}"$',
            description="The ETag of the update as you read it: when somebody changed it since, nothing is changed. "
            "Without it, yours is the last word",
        ),
    ] = None,
) -> Response:
    """Changes some fields (RFC 7396: what is left out stays, null empties a field). Editions that went out keep their
    words; one that was approved and not yet sent must be approved again."""
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        standing = updates.hold(session, update_id)
        if if_match is not None and if_match != _etag(standing):
            raise Refusal("changed", "This update was changed after you read it, so your change was not made.")
        before = updates.draft_of(standing)
        draft = _changed(before, sent)
        update = updates.edit(session, update_id, draft, now=now, editor_id=key.staff_id)
        publishing.reopen_editions_with(session, update_id, now=now, staff_id=key.staff_id)
        differing = [name.replace("_", " ") for name, value in draft if value != getattr(before, name)]
        detail = f"by a program: {', '.join(differing) or 'nothing'}"
        _note(session, runtime, key, "change update", update, detail, now=now)
        return _answer(session, runtime, update)


def _note(
    session: Session, runtime: Runtime, key: KeyInUse, action: str, update: Update, detail: str, *, now: datetime
) -> None:
    about = f"update {update.id}"
    audit.note(session, runtime.crypto, action, staff_id=key.staff_id, about=about, detail=detail, now=now)


def _changed(draft: UpdateDraft, change: BaseModel) -> UpdateDraft:
    fields = draft.model_dump() | change.model_dump(exclude_unset=True)
    emptied = {name for name in change.model_fields_set if fields[name] is None}
    try:
        return UpdateDraft.model_validate({name: value for name, value in fields.items() if name not in emptied})
    except ValidationError as error:
        raise refusal_of(error) from None


def _answer(session: Session, runtime: Runtime, update: Update) -> Response:
    return answers.answer(_shown(session, runtime, [update])[0], headers={"etag": _etag(update)})


def _etag(update: Update) -> str:
    return f'"{update.revision}"'


def _shown(session: Session, runtime: Runtime, found: Sequence[Update]) -> list[UpdateShown]:
    base_url = runtime.settings.base_url.rstrip("/")
    seen = pictures.facts(session, (update.picture_sha256 for update in found))
    shown = []
    for update in found:
        one = UpdateShown.model_validate(update)
        if picture := seen.get(update.picture_sha256 or ""):
            one.picture = picture_of(base_url, picture.block(update.picture_alt))
        shown.append(one)
    return shown
