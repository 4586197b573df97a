"""Mails with true content to render: the progress Oxfordshire's partnership reported in December 2023, retold."""

from dataclasses import replace
from datetime import date

from newsletter.rendering.mails import (
    AddressChangedMail,
    AlreadyMail,
    ConfirmMail,
    CorrectedBlock,
    EditionMail,
    EventBlock,
    GoodbyeMail,
    HandOverMail,
    Letterhead,
    Mail,
    NewAddressMail,
    ReminderMail,
    ResponseBlock,
    SectionBlock,
    StillOnMail,
    StillYouMail,
    UpdateBlock,
    WelcomeMail,
)

LETTERHEAD = Letterhead(
    partnership="Oxfordshire SEND partnership",
    publisher="Oxfordshire County Council",
    postal_address="County Hall, New Road, Oxford OX1 1ND",
    phone="01632 960 100",
    contact_email="send-news@example.org",
    help_text=(
        "The [Local Offer](https://www.oxfordshire.gov.uk/localoffer) lists services and support in one place.\n\n"
        "The parent carer forum speaks up for families and is happy to hear from you."
    ),
    brand_colour="#00594c",
    tint_colour="#eef4f2",
    list_name="SEND news for parents and carers",
    list_slug="parents",
    frequency="about once a fortnight",
    sender_name="Oxfordshire SEND news",
    sender_email="news@example.org",
    reply_to="send-news@example.org",
    lawful_basis="consent",
    site_url="https://news.example.org",
    sign_up_url="https://news.example.org/parents",
    archive_url="https://news.example.org/editions/parents",
    privacy_url="https://news.example.org/privacy",
    accessibility_url="https://news.example.org/accessibility",
)

COUNCIL = "Oxfordshire County Council"

SECTIONS = (
    SectionBlock(
        anchor="priority-1",
        number=1,
        heading="Listening to children, young people and families",
        updates=(
            UpdateBlock(
                anchor="update-11",
                title="Listening sessions every term, online and in person",
                body=(
                    "We want to hear what works and what does not. From December there are **sessions each term**:\n\n"
                    "- online, in the evening\n- in person, around the county\n- in schools and colleges\n\n"
                    "^ You can also tell us what you think without coming. Just reply to this email."
                ),
                organisation="Oxfordshire SEND partnership",
                evidence_url="https://www.oxfordshire.gov.uk/localoffer",
                evidence_label="See dates on the Local Offer",
            ),
        ),
    ),
    SectionBlock(
        anchor="priority-3",
        number=3,
        heading="Education, health and care plans on time",
        updates=(
            UpdateBlock(
                anchor="update-31",
                title="52 in every 100 assessments finished within 20 weeks",
                body=(
                    "By November 2023, 52 in every 100 needs assessments for education, health and care plans were "
                    "done within the legal limit of 20 weeks. The figure for England was 50 in every 100. "
                    "That still leaves 48 families in every 100 waiting longer."
                ),
                organisation=COUNCIL,
                evidence_url="https://example.org/figures",
                evidence_label="See the figures",
                action="Check that every advice request in your inbox has a date by which you will answer it.",
                action_by=date(2024, 1, 12),
            ),
            UpdateBlock(
                anchor="update-32",
                title="11 permanent posts filled in two months",
                body=(
                    "Jobs in the SEND team were redesigned this year, and 11 permanent posts now have someone in them. "
                    "That means far fewer agency workers. The council's draft budget for 2024/25 has £1 million more "
                    "for the team."
                ),
                organisation=COUNCIL,
                evidence_url="https://example.org/budget",
                evidence_label="Read the budget proposal",
            ),
        ),
    ),
    SectionBlock(
        anchor="priority-5",
        number=5,
        heading="Plans made with families, and checked",
        updates=(
            UpdateBlock(
                anchor="update-51",
                title="A new board checks that the plan is carried out",
                body=(
                    "The Strategic Improvement and Assurance Board has met twice. Members of the parent carer forum "
                    "sit on it beside leaders from the council and the NHS, and its chair is independent."
                ),
                organisation="Parent carer forum",
            ),
            UpdateBlock(
                anchor="update-52",
                title="Ofsted has approved the priority action plan",
                body=(
                    "The plan went to the Department for Education on 24 October. Ofsted approved it on 12 December, "
                    "and it is public from 18 December. It says what will change in five areas."
                ),
                organisation=COUNCIL,
                evidence_url="https://www.oxfordshire.gov.uk/localoffer",
                evidence_label="Read the plan",
                action="Share the plan with your governors.",
                action_by=date(2023, 12, 22),
            ),
        ),
    ),
)


RESPONSES = (
    ResponseBlock(
        anchor="response-1",
        theme="Answers take too long",
        asked="14 people told us, 1 September to 31 October 2023",
        said="You wait too long for an answer, and **nobody says why**.",
        answer="We are doing",
        did="A person answers each message. We count:\n\n- how many came\n- how long they waited",
        promise="We will finish by 1 March 2024.",
        reason="",
        decided="Decided by: Head of SEND",
        organisation=COUNCIL,
        outcome="doing",
        doing_by=date(2024, 3, 1),
    ),
    ResponseBlock(
        anchor="response-2",
        theme="A session on Saturdays",
        asked="Fewer than 5 people told us, 1 October 2023",
        said="You would like a session at the weekend.",
        answer="We will not do this",
        did="There is one in the evening instead.",
        promise="",
        reason="The rooms are closed at the weekend.",
        decided="Decided by: Communications officer",
        organisation="Parent carer forum",
        outcome="will not",
    ),
)

EVENTS = (
    EventBlock(
        anchor="event-1",
        title="Tell us what you think",
        day=date(2024, 1, 16),
        when="Tuesday 16 January 2024, 6:30pm to 8pm",
        where="County Hall, New Road, Oxford OX1 1ND, or online",
        cost="Free",
        for_whom="Parents and carers",
        access="There is a lift, a quiet room and a hearing loop.",
        without_attending="Reply to this email, and we read your answer out.",
        booking="Book by 12 January.",
        booking_url="https://example.org/book",
        adjustments="Call 01632 960 100.",
        organisation=COUNCIL,
        page_path="/events/tell-us-what-you-think-2024-01-16",
        calendar_path="/events/tell-us-what-you-think-2024-01-16.ics",
    ),
    EventBlock(
        anchor="event-2",
        title="Questions about plans",
        day=date(2024, 1, 30),
        when="Tuesday 30 January 2024, 10am to midday",
        where="Online",
        cost="Free",
        for_whom="Everybody",
        access="There are live captions.",
        without_attending="Send your question by email.",
        booking="",
        booking_url="",
        adjustments="Email send-news@example.org.",
        organisation="Parent carer forum",
        page_path="/events/questions-about-plans-2024-01-30",
        calendar_path="/events/questions-about-plans-2024-01-30.ics",
    ),
)


def _without_actions(section: SectionBlock) -> SectionBlock:
    return replace(section, updates=tuple(replace(update, action="", action_by=None) for update in section.updates))


EDITION = EditionMail(
    letterhead=LETTERHEAD,
    subject="More plans on time, and 11 new people in the SEND team",
    preheader="A new board checks the work, and there are sessions each term where you can have your say.",
    number=1,
    date=date(2023, 12, 18),
    introduction=(
        "Work to make services better has begun. It will take time before families feel it.\n\n"
        "Here is what has changed since the inspection in July, and what has not."
    ),
    sections=tuple(_without_actions(section) for section in SECTIONS),
    page_url="https://news.example.org/editions/parents/2023-12-18",
    responses=RESPONSES,
    events=EVENTS,
)

PROFESSIONAL_EDITION = replace(
    EDITION,
    letterhead=replace(
        LETTERHEAD,
        list_name="SEND news for professionals",
        list_slug="professionals",
        frequency="every half term",
        lawful_basis="public task",
        sign_up_url="https://news.example.org/professionals",
        archive_url="https://news.example.org/editions/professionals",
    ),
    subject="Two actions before January, and 52 in 100 assessments on time",
    sections=SECTIONS,
    responses=(),
    events=(),
    page_url="https://news.example.org/editions/professionals/2023-12-18",
)

CORRECTION = replace(
    EDITION,
    subject="Correction: More plans on time, and 11 new people in the SEND team",
    preheader="We have put something right in our edition of 18 December 2023.",
    number=2,
    date=date(2023, 12, 20),
    introduction=(
        "We have put something right in edition 1 of SEND news for parents and carers, from 18 December 2023.\n\n"
        "In “The helpline is open for longer”: We gave the wrong closing time.\n\n"
        "^ It said: “until 6pm on weekdays”\n\n"
        "^ It now says: “until 7pm on weekdays”"
    ),
    sections=(),
    responses=(),
    events=(),
    page_url="https://news.example.org/editions/parents/2023-12-20",
    corrects=CorrectedBlock(1, date(2023, 12, 18), EDITION.subject, "/editions/parents/2023-12-18"),
)

MAILS: dict[str, Mail] = {
    "edition": EDITION,
    "professional-edition": PROFESSIONAL_EDITION,
    "correction-edition": CORRECTION,
    "confirm": ConfirmMail(LETTERHEAD, link_days=7, code_minutes=30),
    "reminder": ReminderMail(LETTERHEAD, days_left=4),
    "already": AlreadyMail(LETTERHEAD),
    "welcome": WelcomeMail(LETTERHEAD),
    "goodbye": GoodbyeMail(LETTERHEAD),
    "new-address": NewAddressMail(LETTERHEAD, link_days=7, code_minutes=30),
    "address-changed": AddressChangedMail(LETTERHEAD),
    "still-on": StillOnMail(LETTERHEAD),
    "still-you": StillYouMail(LETTERHEAD, is_reminder=False),
    "still-you-reminder": StillYouMail(LETTERHEAD, is_reminder=True),
    "hand-over": HandOverMail(LETTERHEAD, link_days=7),
}

SLOT_VALUES = {
    "leave_url": "https://news.example.org/leave/" + "a1B2c3D4" * 8,
    "manage_url": "https://news.example.org/manage/" + "a1B2c3D4" * 8,
    "confirm_url": "https://news.example.org/confirm/" + "a1B2c3D4" * 8,
    "still_you_url": "https://news.example.org/still-you/" + "a1B2c3D4" * 8,
    "code": "314159",
}

_EIGHTY_WORDS = " ".join(
    ["The council and the NHS have agreed who does what when a plan is late, and families will be told sooner."] * 4
)


def edition_of(updates: int) -> EditionMail:
    """An edition with that many updates of eighty words, in five sections."""
    blocks = [
        UpdateBlock(
            anchor=f"update-{number}",
            title=f"Update {number}: waiting times for speech and language therapy are shorter",
            body=_EIGHTY_WORDS,
            organisation="Oxford Health NHS Foundation Trust",
            evidence_url=f"https://www.oxfordshire.gov.uk/residents/send/progress/update-{number}",
            evidence_label="See how this was measured",
            action="Tell the families you work with" if number % 3 == 0 else "",
            action_by=date(2024, 1, 1 + number % 28) if number % 3 == 0 else None,
        )
        for number in range(1, updates + 1)
    ]
    size = -(-updates // 5)
    sections = tuple(
        SectionBlock(f"priority-{area}", area, f"Priority area {area} of the action plan", tuple(chunk))
        for area in range(1, 6)
        if (chunk := blocks[(area - 1) * size : area * size])
    )
    return replace(EDITION, sections=sections, responses=(), events=())
