"""Priority areas: the parts of the action plan, each with the time it is in force."""

from newsletter.content import partners
from newsletter.content.partners import AreaDraft
from newsletter.web.staff.settings.register import Register, router_of
from newsletter.web.staff.settings.sheets import Field, Sheet

REGISTER = Register(
    path="/staff/settings/priority-areas",
    template="staff/settings/areas.html",
    thing="priority area",
    back="All priority areas",
    lead=(
        "When the action plan changes, do not write a new area over an old one: give the old one a last day and add "
        "the new one. So editions keep the names of their time."
    ),
    sheet=Sheet(
        AreaDraft,
        (
            Field("number", "Number", "As the action plan counts them", "number"),
            Field("name", "Short heading", "Editions show it above the news of this area"),
            Field("description", "What it is about", "One plain sentence for readers"),
            Field("from_date", "First day in force", "For example, 27/3/2027", "day"),
            Field("until_date", "Last day in force (optional)", "Leave this empty while it is in force", "day"),
        ),
    ),
    all=partners.priority_areas,
    by_id=partners.area_by_id,
    add=partners.add_area,
    edit=partners.edit_area,
)

router = router_of(REGISTER)
