"""Partners: the organisations that news comes from, each with the time it was one."""

from newsletter.content import partners
from newsletter.content.partners import PartnerDraft
from newsletter.web.staff.settings.register import Register, router_of
from newsletter.web.staff.settings.sheets import Field, Sheet

REGISTER = Register(
    path="/staff/settings/partners",
    template="staff/settings/partners.html",
    thing="partner",
    back="All partners",
    lead=(
        "When an organisation gets another name, do not change it here: give it a last day and add the new one. So "
        "editions keep the names of their time. Change the name only to mend a mistake."
    ),
    sheet=Sheet(
        PartnerDraft,
        (
            Field("name", "Name of the organisation"),
            Field("from_date", "First day as a partner", "For example, 27/3/2027", "day"),
            Field("until_date", "Last day as a partner (optional)", "Leave this empty while it is one", "day"),
            Field(
                "approves_texts",
                "It approves its own texts",
                "No edition with news of this partner is approved before somebody of theirs has agreed to it",
                "yes",
            ),
        ),
    ),
    all=partners.partners,
    by_id=partners.partner_by_id,
    add=partners.add_partner,
    edit=partners.edit_partner,
)

router = router_of(REGISTER)
