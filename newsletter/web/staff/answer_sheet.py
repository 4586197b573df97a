"""The form of an answer in "You said, we did": its fields under their headings."""

from newsletter.content.models import ResponseOutcome
from newsletter.content.responses import ResponseDraft
from newsletter.web.staff.picking import CHOOSE_ONE
from newsletter.web.staff.settings.sheets import Field, Sheet

FIELDS = (
    Field(
        "theme",
        "What it is about",
        "In a few words that name nobody. For example, Answers take too long",
        group="What people said",
    ),
    Field(
        "said",
        "What people told us",
        "In their spirit, and so that nobody can be recognised: no names, no single case",
        "text",
    ),
    Field("people", "How many people said it?", "The number itself. Readers see “fewer than 5” for 1 to 4", "number"),
    Field("period_from", "First day on which they said it", "For example, 1/9/2026", "day"),
    Field("period_until", "Last day on which they said it", "For example, 31/10/2026", "day"),
    Field(
        "outcome",
        "What came of it?",
        "There is no “We are looking into it”: people want to know",
        "choice",
        (
            (ResponseOutcome.DONE, "It is done", ""),
            (ResponseOutcome.DOING, "We are doing it", "Say by when"),
            (ResponseOutcome.WILL_NOT, "We will not do it", "Say why"),
            (ResponseOutcome.NOT_OURS, "Others decide", "Say why, and who does"),
        ),
        group="What we did",
    ),
    Field("did", "Answer", "What was done, is being done, or why not, in two or three plain sentences", "text"),
    Field(
        "doing_by",
        "By when it will be done",
        "Only when we are doing it. For example, 31/3/2027",
        "day",
        when="outcome: doing",
    ),
    Field(
        "reason",
        "The reason",
        "Only when we will not do it, or others decide",
        when="outcome: will-not not-decided-by-us",
    ),
    Field("decision_owner", "Who decided, or has to?", "A role or a body, and no name. For example, Head of SEND"),
    Field("partner_id", "Which organisation answers?", "", "select", CHOOSE_ONE, group="Who is told, and when"),
    Field("priority_area_id", "Which priority area is it about?", "", "select", CHOOSE_ONE),
    Field("for_parents", "Parents and carers", "", "audiences"),
    Field("for_professionals", "Professionals", "", "second"),
    Field("from_date", "First day to tell readers", "For example, 27/3/2027", "day"),
    Field(
        "until_date", "Last day to tell readers (optional)", "It stays in the report of its year all the same", "day"
    ),
)

SHEET = Sheet(ResponseDraft, FIELDS, more=("theme_id",))
