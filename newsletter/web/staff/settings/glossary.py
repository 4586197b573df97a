"""The glossary: words and acronyms, what they stand for, and since when."""

from newsletter.content import glossary
from newsletter.content.glossary import TermDraft
from newsletter.web.staff.settings.register import Register, router_of
from newsletter.web.staff.settings.sheets import Field, Sheet

REGISTER = Register(
    path="/staff/settings/glossary",
    template="staff/settings/glossary.html",
    thing="term",
    back="The glossary",
    lead="To take a word out of use, give it a last day. Editions that were approved keep their words.",
    sheet=Sheet(
        TermDraft,
        (
            Field("term", "Word or acronym", "For example, EHCP"),
            Field("expansion", "What the acronym stands for (optional)", "Editions write it out at its first use"),
            Field("explanation", "What it means", "One or two plain sentences", "text"),
            Field("from_date", "First day in use", "For example, 27/3/2027", "day"),
            Field("until_date", "Last day in use (optional)", "Leave this empty while the word is in use", "day"),
        ),
    ),
    all=glossary.all_terms,
    by_id=glossary.by_id,
    add=glossary.write,
    edit=glossary.edit,
    first=lambda today: {"from_date": today},
)

router = router_of(REGISTER)
