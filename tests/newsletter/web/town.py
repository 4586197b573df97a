"""A small partnership to show pages of: two newsletters, a few schools, editions that went out and one that did not."""

from datetime import UTC, date, datetime, timedelta

from sqlmodel import Session

from newsletter.content.models import Partnership
from newsletter.core.audience import Audience
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from newsletter.delivery import letterheads
from newsletter.editions import archive, correction_mail, corrections, publishing, search_text, variants
from newsletter.editions.composing import page_from_json, page_json
from newsletter.editions.models import Edition, EditionState, VariantKind
from newsletter.rendering.mails import EditionMail, Letterhead, SectionBlock, UpdateBlock
from newsletter.staff import accounts
from newsletter.staff.models import StaffRole
from subscribers import lists, signup
from subscribers.models import MailingList, Role, School, Subscriber
from subscribers.signup import Details
from tests.newsletter.rendering.samples import EVENTS, RESPONSES

PARENTS_WORDING = """Example Council will email you about once a fortnight with news for families of children and \
young people with special educational needs and disabilities (SEND).

It includes updates from the council, the NHS & the parent carer forum, and events run by local groups. Some events \
cost money. You can stop at any time. Signing up or stopping does not change any support your child gets."""

PROFESSIONALS_WORDING = """Example Council will email you once every half term with news for people who work with \
children and young people with SEND.

Some events in it cost money. You can stop at any time. Stopping does not change any support that any child gets."""

HELP = """The [local offer](https://offer.example.org) lists services for children and young people with SEND.

Call [01632 960000](tel:01632960000) or email [send@example.org](mailto:send@example.org)."""

WEEK = timedelta(days=7, minutes=1)
LAST_SENT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def build(runtime: Runtime) -> None:
    """Fill an empty database."""
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        session.add(
            Partnership(
                name="Example SEND partnership",
                area="Exampleshire",
                publisher="Example Council",
                postal_address="SEND news, Example Council, 1 High Street, Exampleton",
                phone="01632 960000",
                contact_email="send@example.org",
                website="https://offer.example.org",
                help_text=HELP,
                local_authority_code=931,
            )
        )
        parents = mailing_list(
            "parents", "SEND news for parents and carers", Audience.PARENTS, "about once a fortnight", 1
        )
        professionals = mailing_list(
            "professionals", "SEND news for professionals", Audience.PROFESSIONALS, "once every half term", 2
        )
        session.add_all([parents, professionals])
        for number, name in enumerate(("Ashfield Primary School", "Birchwood Special School", "O'Hara's Academy")):
            session.add(
                School(
                    urn=100_001 + number,
                    name=name,
                    type_name="Community school",
                    phase_name="Primary",
                    town="Exampleton",
                    postcode="EX1 1AA",
                    local_authority_code=931,
                )
            )
        session.flush()
        lists.add_wording(session, parents, PARENTS_WORDING, now=now)
        lists.add_wording(session, professionals, PROFESSIONALS_WORDING, now=now)
        edition(session, parents, 1, LAST_SENT - timedelta(days=28), EditionState.SENT)
        edition(session, parents, 2, LAST_SENT - timedelta(days=14), EditionState.SENT)
        edition(session, parents, 3, LAST_SENT, EditionState.SENDING)
        edition(session, parents, 4, LAST_SENT + timedelta(days=14), EditionState.APPROVED)
        edition(session, professionals, 1, LAST_SENT, EditionState.SENT)


def add_variants(runtime: Runtime, slug: str) -> None:
    """Other forms of an edition for parents: a text, a text in Urdu, a film, and a promise."""
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        edition_id = archive.by_slug(session, parents_id(session), slug).id
        assert edition_id is not None
        for kind, given in (
            (VariantKind.EASY_READ, {"text": "# News\n\nMore plans are **on time**.\n\n* Call us."}),
            (VariantKind.TRANSLATION, {"language": "ur", "title": "اردو", "text": "ہیلپ لائن\n\n* پیر سے جمعہ"}),
            (VariantKind.BSL, {"url": "https://video.example.org/1"}),
            (VariantKind.AUDIO, {"promised_for": date(2026, 12, 1)}),
        ):
            variants.add(session, edition_id, kind, now=now, **given)  # type: ignore[arg-type]


def correct(runtime: Runtime, slug: str) -> None:
    """Two corrections of an edition for parents, one of an update and one of the introduction."""
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        edition_id = archive.by_slug(session, parents_id(session), slug).id
        assert edition_id is not None
        for anchor, old, new, because in (
            ("update-3", "until 6pm on weekdays", "until 7pm on *weekdays*", "We gave the wrong closing time."),
            (None, "what has **not**", "what has not", "We took out bold words."),
        ):
            corrections.correct(session, edition_id, anchor=anchor, old=old, new=new, because=because, now=now)


def mail_correction(runtime: Runtime, slug: str, *, is_out: bool = True) -> str:
    """A correction of an edition for parents, and the mail that tells them of it; the slug of that mail."""
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        parents = lists.by_slug(session, "parents")
        edition_id = archive.by_slug(session, parents_id(session), slug).id
        assert edition_id is not None
        correction = corrections.correct(
            session,
            edition_id,
            anchor="update-3",
            old="until 6pm on weekdays",
            new="until 7pm on *weekdays*",
            because="We gave the wrong closing time.",
            now=now,
        )
        mail = correction_mail.draft(session, correction, list_name=parents.name, now=now)
        assert mail.id is not None
        if is_out:
            approver = accounts.add(
                session, runtime.crypto, "approver@example.org", roles={StaffRole.APPROVER}, now=now
            ).id
            assert approver is not None
            publishing.submit(session, mail.id, now=now)
            head = letterheads.letterhead(session, parents, "http://news.example.org")
            publishing.approve(session, mail.id, approver_id=approver, roles={"approver"}, letterhead=head, now=now)
            publishing.release(session, mail.id, now=now)
            publishing.finish(session, mail.id, now=now)
        return mail.slug


def parents_id(session: Session) -> int:
    found = lists.by_slug(session, "parents").id
    assert found is not None
    return found


def subscriber(runtime: Runtime, address: str, *, slug: str = "parents", confirmed: bool = True) -> int:
    """Somebody who signed up and, unless told otherwise, confirmed."""
    now = runtime.clock.now()
    details = Details(role=Role.SENCO, school_urn=100_001) if slug == "professionals" else None
    with runtime.db.transaction() as session:
        list_id = lists.by_slug(session, slug).id
        assert list_id is not None
        requested = signup.request(
            session, runtime.crypto, mailing_list_id=list_id, address=address, details=details, now=now
        )
        assert requested.subscriber_id is not None
        if confirmed:
            token = runtime.tokens.make(
                Purpose.CONFIRM, list_id=list_id, subject_id=requested.subscriber_id, issued_at=now
            )
            signup.confirm(session, runtime.tokens, token, now=now)
        return requested.subscriber_id


def token(runtime: Runtime, purpose: Purpose, subscriber_id: int) -> str:
    """The opaque part of a personal link, issued now."""
    with runtime.db.reading() as session:
        row = session.get(Subscriber, subscriber_id)
        assert row is not None
        list_id = row.mailing_list_id
    return runtime.tokens.make(purpose, list_id=list_id, subject_id=subscriber_id, issued_at=runtime.clock.now())


def mailing_list(slug: str, name: str, audience: Audience, frequency: str, position: int) -> MailingList:
    return MailingList(
        slug=slug,
        name=name,
        audience=audience,
        summary="What is changing in services for children and young people with SEND, and how to have your say.",
        frequency=frequency,
        sender_name="Example SEND news",
        sender_email="news@example.org",
        reply_to="replies@example.org",
        lawful_basis="consent",
        position=position,
    )


def edition(session: Session, mailing_list: MailingList, number: int, at: datetime, state: EditionState) -> None:
    """An edition as approving and sending leave it, as good as sent at that moment."""
    assert mailing_list.id is not None
    slug = at.date().isoformat()
    page = page_json(_mail(mailing_list, number, at.date(), slug))
    row = Edition(
        mailing_list_id=mailing_list.id,
        audience=mailing_list.audience,
        number=number,
        slug=slug,
        date=at.date(),
        state=state,
        subject=_title(number),
        frozen_subject=_title(number),
        frozen_html="<p>never shown</p>",
        frozen_text="never shown [[leave_url]]",
        frozen_markdown="never shown",
        frozen_page=page,
        frozen_sha256="0" * 64,
        released_at=None if state is EditionState.APPROVED else at,
        created_at=at,
    )
    session.add(row)
    session.flush()
    if row.released_at is not None and row.id is not None:
        search_text.keep(session, row.id, page_from_json(page))


def _title(number: int) -> str:
    return f"More plans on time, and sessions for families this term ({number})"


def _mail(mailing_list: MailingList, number: int, day: date, slug: str) -> EditionMail:
    is_professional = mailing_list.audience is Audience.PROFESSIONALS
    return EditionMail(
        letterhead=_letterhead(mailing_list),
        subject=_title(number),
        preheader="52 in every 100 assessments finished in time. What it means for you.",
        number=number,
        date=day,
        introduction="Work to improve services has started, and it will take time before families feel it. Here is "
        "what has changed since the last edition, and what has **not**.",
        sections=(
            SectionBlock(
                anchor="priority-2",
                number=2,
                heading="Clear communication",
                updates=(
                    UpdateBlock(
                        anchor="update-3",
                        title="The helpline is open for longer",
                        body="You can call until 6pm on weekdays.\n\n* Monday to Friday\n* 8am to 6pm\n\n^ Lines are "
                        "closed on bank holidays.",
                        organisation="Example Council",
                    ),
                ),
            ),
            SectionBlock(
                anchor="priority-3",
                number=3,
                heading="Plans on time and of good quality",
                updates=(
                    UpdateBlock(
                        anchor="update-1",
                        title="52 in every 100 assessments finished within 20 weeks",
                        body="By November, 52 in every 100 education, health and care (EHC) needs assessments were "
                        "done within the legal limit of 20 weeks. **48 families in every 100 still waited longer.**",
                        organisation="Example Council",
                        evidence_url="https://www.example.org/figures?area=1&year=2026",
                        evidence_label="See the figures",
                        action="Send annual review papers with the new form" if is_professional else "",
                        action_by=date(2026, 12, 1) if is_professional else None,
                    ),
                    UpdateBlock(
                        anchor="update-2",
                        title="11 permanent posts filled in two months",
                        body="The council has filled 11 permanent posts in the SEND team, so fewer agency workers "
                        "are needed. [Read the budget plan](https://www.example.org/budget).",
                        organisation="Example Council",
                    ),
                ),
            ),
        ),
        page_url=f"http://news.example.org/editions/{mailing_list.slug}/{slug}",
        responses=RESPONSES,
        events=EVENTS,
    )


def _letterhead(mailing_list: MailingList) -> Letterhead:
    site = "http://news.example.org"
    return Letterhead(
        partnership="Example SEND partnership",
        publisher="Example Council",
        postal_address="SEND news, Example Council, 1 High Street, Exampleton",
        phone="01632 960000",
        contact_email="send@example.org",
        help_text=HELP,
        brand_colour="#00594c",
        tint_colour="#eef4f2",
        list_name=mailing_list.name,
        list_slug=mailing_list.slug,
        frequency=mailing_list.frequency,
        sender_name=mailing_list.sender_name,
        sender_email=mailing_list.sender_email,
        reply_to=mailing_list.reply_to,
        lawful_basis=mailing_list.lawful_basis,
        site_url=site,
        sign_up_url=f"{site}/{mailing_list.slug}",
        archive_url=f"{site}/editions#{mailing_list.slug}",
        privacy_url=f"{site}/privacy",
        accessibility_url=f"{site}/accessibility",
    )
