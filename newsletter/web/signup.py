"""Signing up: the form of each mailing list, and "check your email".

The answer is the same for every address, whatever we know about it (REQ-04). Parents are asked for an email address
and nothing else (REQ-01). What was typed is never lost: a form that cannot be used comes back as it was.
"""

import math
from functools import partial
from typing import ClassVar
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.core import addresses
from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput, TooMany
from newsletter.core.runtime import Runtime
from newsletter.web import robots, school_choice, site
from newsletter.web.asked import TheForm, ThePages, TheRuntime, network_address
from newsletter.web.forms import Address, Bound, FormModel, OneLine, bind
from newsletter.web.pages import Pages
from newsletter.web.problems import retry_after, status_of
from newsletter.web.remembered import Remembered, remember, seal, unseal
from newsletter.web.security import open_to_other_sites
from subscribers import details, intake, lists, schools, signup
from subscribers.models import MailingList, Phase, Role
from subscribers.signup import Details

router = APIRouter()

ROLES: tuple[tuple[Role, str], ...] = (
    (Role.SENCO, "SENCO or inclusion lead"),
    (Role.HEAD, "Headteacher or other school leader"),
    (Role.TEACHER, "Teacher or teaching assistant"),
    (Role.EARLY_YEARS, "Early years worker or childminder"),
    (Role.HEALTH, "Health worker"),
    (Role.SOCIAL_CARE, "Social care worker"),
    (Role.COUNCIL, "Council officer"),
    (Role.VOLUNTARY, "Charity or community group worker"),
    (Role.OTHER, "Something else"),
)
PHASES: tuple[tuple[Phase, str], ...] = (
    (Phase.EARLY_YEARS, "Early years"),
    (Phase.PRIMARY, "Primary"),
    (Phase.SECONDARY, "Secondary"),
    (Phase.SPECIAL, "Special"),
    (Phase.POST_16, "Post-16"),
)


class ParentForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {"email": "Enter your email address"}

    email: Address

    def details(self) -> Details | None:
        return None


class ProfessionalForm(ParentForm):
    sentences: ClassVar[dict[str, str]] = {
        "email": "Enter your email address",
        "role": "Select what you do",
        "school": "Select your school from the list, or write the name of your setting",
        "phase": "Select the phase you work in, or leave this blank",
    }

    role: Role
    school: int | None = None
    school_name: OneLine | None = None
    setting_name: OneLine | None = None
    phase: Phase | None = None

    @classmethod
    def across(cls, typed: dict[str, str]) -> dict[str, str]:  # type: ignore[override]
        if not typed.keys() & {"school", "school_name", "setting_name"}:
            return {"school": "Enter your school, or write the name of your setting"}
        return {}

    def details(self) -> Details | None:
        return Details(role=self.role, school_urn=self.school, setting_name=self.setting_name, phase=self.phase)


def form_of(mailing_list: MailingList) -> type[ParentForm]:
    return ParentForm if mailing_list.audience is Audience.PARENTS else ProfessionalForm


@router.get("/{slug}")
def sign_up_page(slug: str, request: Request, runtime: TheRuntime, pages: ThePages, to: str = "") -> Response:
    with runtime.db.reading() as session:
        mailing_list = lists.by_slug(session, slug)
        assert mailing_list.id is not None
        before = unseal(runtime.crypto, to, mailing_list_id=mailing_list.id, now=runtime.clock.now())
        if before is None:
            return _form_page(request, runtime, pages, session, mailing_list, Bound())
        # Back from "Check your answers", to change one.
        bound: Bound[ParentForm] = Bound(before.as_typed)
        return _form_page(request, runtime, pages, session, mailing_list, bound, kept=before.address)


@router.post("/{slug}")
@open_to_other_sites
def sign_up(slug: str, request: Request, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    now = runtime.clock.now()
    with runtime.db.reading() as session:
        mailing_list = lists.by_slug(session, slug)
        assert mailing_list.id is not None
        form = school_choice.settled(session, form)
        bound = bind(form_of(mailing_list), form)
        if bound.value is None:
            return _form_page(request, runtime, pages, session, mailing_list, bound, status=422)
        address, is_checked = bound.value.email, mailing_list.audience is not Audience.PARENTS
        if not robots.is_sure(runtime.crypto, form, mailing_list.id, address, now=now):
            meant = addresses.likely_typo(address)
            if meant:
                return _form_page(request, runtime, pages, session, mailing_list, bound, meant=meant)
            # Where the answers are checked on a page of their own, that is the second press.
            if not is_checked and not robots.is_typed(runtime.crypto, form, mailing_list.id, now=now):
                return _one_more_press(request, runtime, pages, session, mailing_list, bound)
        if bound.get("school_name"):
            return school_choice.ask_which(request, pages, session, form, action=f"/{quote(slug)}")
        remembered = remember(mailing_list.id, address, bound.value.details(), now=now)
    sealed = seal(runtime.crypto, remembered)
    try:
        if is_checked:
            with runtime.db.reading() as session:
                details.checked(session, mailing_list.audience, remembered.details)
            return RedirectResponse(f"/{quote(slug)}/check-your-answers?to={sealed}", status_code=303)
        ask(runtime, request, remembered)
    except (InvalidInput, TooMany) as problem:
        headers = {}
        if isinstance(problem, TooMany):
            bound.errors, headers = {"email": too_many(problem)}, retry_after(problem)
        else:
            bound.errors = {{"school_urn": "school"}.get(problem.field or "", problem.field or "email"): str(problem)}
        with runtime.db.reading() as session:
            mailing_list = lists.by_slug(session, slug)
            status = status_of(problem)
            return _form_page(request, runtime, pages, session, mailing_list, bound, status=status, headers=headers)
    return to_check_page(slug, sealed)


@router.get("/{slug}/check-your-email")
def check_page(
    slug: str, request: Request, runtime: TheRuntime, pages: ThePages, to: str = "", again: str = ""
) -> Response:
    with runtime.db.reading() as session:
        mailing_list = lists.by_slug(session, slug)
        return show_check_page(request, pages, runtime, session, mailing_list, to, sent_again=bool(again))


@router.post("/{slug}/send-again")
def send_again(slug: str, request: Request, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        list_id = lists.by_slug(session, slug).id
    assert list_id is not None
    now = runtime.clock.now()
    remembered = unseal(runtime.crypto, form.get("to", ""), mailing_list_id=list_id, now=now)
    if remembered is None:  # the page was open for too long; the form asks again
        return RedirectResponse(f"/{quote(slug)}", status_code=303)
    remembered = remember(list_id, remembered.address, remembered.details, now=now)
    sealed = seal(runtime.crypto, remembered)
    try:
        ask(runtime, request, remembered)
    except TooMany as problem:
        errors, headers = {"again": too_many(problem)}, retry_after(problem)
        with runtime.db.reading() as session:
            mailing_list = lists.by_slug(session, slug)
            return show_check_page(
                request, pages, runtime, session, mailing_list, sealed, errors=errors, status=429, headers=headers
            )
    return to_check_page(slug, sealed, again=True)


def show_check_page(
    request: Request,
    pages: Pages,
    runtime: Runtime,
    session: Session,
    mailing_list: MailingList,
    sealed: str,
    *,
    sent_again: bool = False,
    typed: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 422,
    headers: dict[str, str] | None = None,
) -> Response:
    """ "Check your email": the address that was typed, a field for the code, a button to send it again."""
    assert mailing_list.id is not None
    remembered = unseal(runtime.crypto, sealed, mailing_list_id=mailing_list.id, now=runtime.clock.now())
    bound: Bound[FormModel] = Bound(typed or {}, errors=errors or {})
    return pages.show(
        request,
        "check-your-email.html",
        site.current(session),
        status=status if bound.errors else 200,
        headers=headers,
        list=mailing_list,
        address=remembered.address if remembered else None,
        sealed=sealed if remembered else "",
        manage_token=remembered.manage_token if remembered else None,
        sent_again=sent_again,
        link_days=signup.LINK_LIFETIME.days,
        code_minutes=int(signup.CODE_LIFETIME.total_seconds() // 60),
        form=bound,
    )


def ask(runtime: Runtime, request: Request, remembered: Remembered) -> None:
    """Ask for the list, and queue the letter that is due. Raises `TooMany`, `InvalidInput`."""
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        signup.check_network(
            session,
            runtime.crypto,
            ip=network_address(request),
            limit_per_hour=runtime.settings.sign_ups_per_network_per_hour,
            now=now,
        )
        intake.put_in(
            session,
            runtime.crypto,
            mailing_list_id=remembered.mailing_list_id,
            address=remembered.address,
            details=remembered.details,
            now=now,
        )


def to_check_page(slug: str, sealed: str, *, again: bool = False) -> Response:
    return RedirectResponse(
        f"/{quote(slug)}/check-your-email?to={sealed}{'&again=1' if again else ''}", status_code=303
    )


def too_many(problem: TooMany) -> str:
    """The limit of a network, as the form says it."""
    minutes = max(1, math.ceil(problem.retry_after_s / 60))
    return (
        "Too many people on your network have signed up in the last hour. "
        f"Wait {minutes} minute{'' if minutes == 1 else 's'}, then press the button again."
    )


def _one_more_press(
    request: Request,
    runtime: Runtime,
    pages: Pages,
    session: Session,
    mailing_list: MailingList,
    bound: Bound[ParentForm],
) -> Response:
    assert mailing_list.id is not None
    assert bound.value is not None
    return pages.show(
        request,
        "one-more-press.html",
        site.current(session),
        list=mailing_list,
        wording=lists.current_wording(session, mailing_list.id).text,
        form=bound,
        sure=robots.sure(runtime.crypto, mailing_list.id, bound.value.email, now=runtime.clock.now()),
    )


def _form_page(
    request: Request,
    runtime: Runtime,
    pages: Pages,
    session: Session,
    mailing_list: MailingList,
    bound: Bound[ParentForm],
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    meant: str | None = None,
    kept: str | None = None,
) -> Response:
    assert mailing_list.id is not None
    asks_about_work = mailing_list.audience is not Audience.PARENTS
    now = runtime.clock.now()
    return pages.show(
        request,
        "sign-up.html",
        site.current(session),
        status=status,
        headers=headers,
        list=mailing_list,
        wording=lists.current_wording(session, mailing_list.id).text,
        form=bound,
        meant=meant,
        kept=bound.value.email if meant and bound.value else kept,
        stamp=robots.stamp(runtime.crypto, mailing_list.id, now=now),
        sure_of=partial(robots.sure, runtime.crypto, mailing_list.id, now=now),
        trap=robots.TRAP,
        asks_about_work=asks_about_work,
        roles=ROLES,
        phases=PHASES,
        school_label=school_choice.label(session, bound) if asks_about_work else "",
        school_attribution=schools.ATTRIBUTION,
    )
