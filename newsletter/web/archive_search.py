"""The search of the archive: what its form asks, and the page of editions that answers it. A GET, so that a search
can be kept and passed on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Request
from markupsafe import Markup
from pydantic import AfterValidator
from sqlmodel import Session

from newsletter.editions import finding
from newsletter.editions.finding import Found, Search
from newsletter.editions.models import Edition
from newsletter.web import excerpts, typed_dates
from newsletter.web.forms import Bound, FormModel, bind, sentence
from subscribers.models import MailingList

#: More than anybody types; what is longer is cut.
MOST_CHARACTERS = 200

_NOT_A_DATE = "Enter a date like 2 11 2026, a month like November 2026, or a year"


def _date(text: str) -> str:
    try:
        typed_dates.span(text)
    except ValueError:
        raise sentence(_NOT_A_DATE) from None
    return text


TypedDate = Annotated[str, AfterValidator(_date)]


class SearchForm(FormModel):
    """What somebody looks for; everything may be left empty."""

    words: str = ""
    list: str = ""
    area: str = ""
    since: TypedDate = ""
    until: TypedDate = ""

    @property
    def first(self) -> date | None:
        return typed_dates.span(self.since)[0] if self.since else None

    @property
    def last(self) -> date | None:
        return typed_dates.span(self.until)[1] if self.until else None


@dataclass(frozen=True, slots=True)
class Line:
    """One edition among those found."""

    edition: Edition
    mailing_list: MailingList
    title: Markup
    excerpts: Sequence[Markup]


@dataclass(frozen=True, slots=True)
class Answer:
    """The form as it was sent, and what was found. `found` is None when something in the form has to be mended."""

    form: Bound[SearchForm]
    found: Found | None
    lines: Sequence[Line]
    areas: Sequence[str]
    address: str  # of this search, for links to its other pages: what is still missing is the page's number
    is_narrowed: bool  # whether anything was asked for
    is_refined: bool  # … by more than words


def answer(
    session: Session, request: Request, all_lists: Sequence[MailingList], only: MailingList | None = None
) -> Answer:
    """Search as the request's query asks, in one list or in all."""
    typed = _typed(request)
    form = bind(SearchForm, typed)
    areas = finding.areas(session)
    by_slug = {mailing_list.slug: mailing_list for mailing_list in ([only] if only else all_lists)}
    chosen = only
    if form.value is not None:
        _check(form, areas, by_slug)
    if form.value is not None and form.value.list and only is None:
        chosen = by_slug[form.value.list]
    asked = {name: text for name, text in form.typed.items() if text.strip()}
    found, lines = None, []
    if form.value is not None:
        wanted = finding.words(form.value.words)
        search = Search(
            words=wanted,
            mailing_list_id=chosen.id if chosen else None,
            area=form.value.area or None,
            since=form.value.first,
            until=form.value.last,
        )
        found = finding.find(session, search, page=_page_number(request))
        by_id = {mailing_list.id: mailing_list for mailing_list in all_lists}
        lines = [_line(edition, by_id[edition.mailing_list_id], found, wanted) for edition in found.editions]
    return Answer(
        form=form,
        found=found,
        lines=lines,
        areas=areas,
        address=f"{request.url.path}?{urlencode({**asked, 'page': ''})}",
        is_narrowed=bool(asked),
        is_refined=bool(asked.keys() - {"words"}),
    )


def _typed(request: Request) -> dict[str, str]:
    """The query, the first of each name, cut to a sane length and without what no text holds."""
    typed: dict[str, str] = {}
    for name, text in request.query_params.multi_items():
        readable = "".join(character if character.isprintable() else " " for character in text[:MOST_CHARACTERS])
        typed.setdefault(name, readable)
    return typed


def _check(form: Bound[SearchForm], areas: Sequence[str], by_slug: dict[str, MailingList]) -> None:
    """Add what only the database and the whole form can tell."""
    value = form.value
    assert value is not None
    if value.list and value.list not in by_slug:
        form.errors["list"] = "Choose a newsletter from the list"
    if value.area and value.area not in areas:
        form.errors["area"] = "Choose a priority area from the list"
    if value.first and value.last and value.first > value.last:
        form.errors["until"] = "The last date must be the same as or after the first date"
    if form.errors:
        form.value = None


def _page_number(request: Request) -> int:
    text = request.query_params.get("page", "")
    return int(text) if len(text) <= 6 and text.isascii() and text.isdigit() else 1


def _line(edition: Edition, mailing_list: MailingList, found: Found, words: Sequence[str]) -> Line:
    assert edition.id is not None
    return Line(
        edition=edition,
        mailing_list=mailing_list,
        title=excerpts.marked(edition.frozen_subject or edition.subject, words),
        excerpts=excerpts.excerpts(found.texts.get(edition.id, ""), words),
    )
