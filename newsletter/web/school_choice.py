"""Choosing one's school: a search while typing (`GET /schools`), and "Which of these is yours?" for what was typed.

The form has one field for the name or postcode (`school_name`) and a hidden one for the number in the register
(`school`), which the search fills in. A number counts only together with its own name, so that somebody without
scripts who types another name is not held to the school they chose before.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlmodel import Session

from newsletter.core.errors import NotFound
from newsletter.web import site
from newsletter.web.asked import TheRuntime
from newsletter.web.forms import Bound
from newsletter.web.pages import Pages
from subscribers import school_search, schools
from subscribers.models import School

router = APIRouter()

#: The same for everybody and nothing personal; the register changes once in a while.
CACHED = "public, max-age=3600"
#: The choice that says that none of the schools found is the right one.
NONE = "none"
#: Fields that are about the school, and those that only the page before this one needs.
_OWN = frozenset({"school", "school_name", "setting_name", "pick", "is_picking", "website"})


@router.get("/schools")
def search(runtime: TheRuntime, q: str = "") -> Response:
    """Open schools for what is being typed: `[{"urn": 100001, "label": "name, town postcode"}, …]`, at most 20."""
    with runtime.db.reading() as session:
        found = school_search.search(session, q)
        answer = [{"urn": school.urn, "label": school.label} for school in found]
    return JSONResponse(answer, headers={"cache-control": CACHED})


def settled(session: Session, form: Mapping[str, str]) -> dict[str, str]:
    """The form with its answers about the school brought together: `school`, or `setting_name`, or, where it takes a
    question to tell, `school_name`."""
    name, setting = form.get("school_name", "").strip(), form.get("setting_name", "").strip()
    pick = form.get("pick", "")
    if pick == NONE:
        return _with(form, setting_name="" if school_search.looks_like_postcode(name) else name)
    if pick:
        return _with(form, school=pick)
    school = _school(session, form.get("school", ""))
    if not name or (school is not None and school_search.is_same(name, school.label)):
        return _with(form, school=form.get("school", ""), setting_name=setting)
    if setting:
        return _with(form, setting_name=setting)
    found = school_search.search(session, name)
    if exact := [school for school in found if school_search.is_same(name, school.label)]:
        return _with(form, school=str(exact[0].urn))
    if not found and not school_search.looks_like_postcode(name):
        return _with(form, setting_name=name)
    return _with(form, school_name=name)


def ask_which(request: Request, pages: Pages, session: Session, form: Mapping[str, str], *, action: str) -> Response:
    """ "Which of these is yours?": what was found for the name or postcode. The other answers travel along."""
    name = form.get("school_name", "")
    found = school_search.search(session, name, limit=school_search.MOST + 1)
    bound: Bound[Any] = Bound(form)
    if not found:
        bound.errors = {"school": "We found no school there. Check what you typed, or type the name of your school"}
    elif "is_picking" in form:
        bound.errors = {"pick": "Select your school, or say that it is not listed"}
    return pages.show(
        request,
        "which-school.html",
        site.current(session),
        status=422 if bound.errors else 200,
        form=bound,
        action=action,
        schools=found[: school_search.MOST],
        has_more=len(found) > school_search.MOST,
        is_postcode=school_search.looks_like_postcode(name),
        not_listed=NONE,
        others=[(field, text) for field, text in form.items() if field not in _OWN],
        school_attribution=schools.ATTRIBUTION,
    )


def label(session: Session, bound: Bound[Any]) -> str:
    """What stands in the field when the form is shown again."""
    school = _school(session, bound.get("school"))
    return bound.get("school_name") or (school.label if school else "")


def _school(session: Session, typed: str) -> School | None:
    try:
        return schools.by_urn(session, int(typed))
    except (ValueError, NotFound):
        return None


def _with(form: Mapping[str, str], **about_school: str) -> dict[str, str]:
    return {**form, "school": "", "school_name": "", "setting_name": "", **about_school}
