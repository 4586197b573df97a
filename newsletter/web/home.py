"""The front page: the newsletters there are, what each is, how often it comes, and its latest edition."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.editions import archive
from newsletter.editions.models import Edition
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.pages import BRIEFLY
from subscribers import lists
from subscribers.models import MailingList

router = APIRouter()


@dataclass(frozen=True, slots=True)
class ListOffered:
    """One newsletter on the front page."""

    list: MailingList
    latest: Edition | None


@router.get("/")
def home(request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        offered = []
        for mailing_list in lists.all_lists(session):
            assert mailing_list.id is not None
            offered.append(ListOffered(mailing_list, archive.latest(session, mailing_list.id)))
        return pages.show(request, "home.html", site.current(session), cache=BRIEFLY, offered=offered)
