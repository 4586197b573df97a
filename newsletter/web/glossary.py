"""The glossary: every word and acronym that readers should not have to know, from A to Z."""

from itertools import groupby

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.content import glossary
from newsletter.content.dates import london_date
from newsletter.content.models import GlossaryTerm
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.pages import BRIEFLY

router = APIRouter()


@router.get("/glossary")
def glossary_page(request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        terms = glossary.standing(session, london_date(runtime.clock.now()))
        letters = [(letter, list(those)) for letter, those in groupby(terms, key=_letter)]
        return pages.show(request, "glossary.html", site.current(session), cache=BRIEFLY, letters=letters)


def _letter(term: GlossaryTerm) -> str:
    first = term.term[0].upper()
    return first if first.isalpha() else "0-9"
