"""Whatever anybody does, in whatever order: bytes other than those that an approver saw are never sent (REQ-45).

People act through pages, the services that commands use, and the database itself; words change in updates, the edition,
the partnership, the glossary and the mail's template. After each story the clock lets go what is due, and what a worker
would hand over is compared with what was on the approver's page when they pressed the button.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from newsletter.content import picture_files, pictures, updates
from newsletter.content.models import GlossaryTerm, Partnership, Picture, Update
from newsletter.core.clock import ManualClock
from newsletter.core.errors import NewsletterError
from newsletter.core.runtime import Runtime
from newsletter.delivery import letterheads, opening
from newsletter.editions import composing, freezing, picture_choices, publishing
from newsletter.editions.models import Edition, EditionApproval, EditionChoice, EditionState
from newsletter.rendering import engine
from newsletter.rendering.mails import Rendered
from subscribers import lists
from tests.conftest import START, make_runtime
from tests.newsletter.web.staff import studio as studios
from tests.newsletter.web.staff.studio import LIST_NAME, Studio, at, fields_of
from tests.picture_samples import jpeg, png

#: What may happen, by name. `look` and `press` are the approver's two halves, so that anything can come between them.
CHANGES = (
    "edit", "edit by page", "edit an update", "edit an update unnoticed", "change the partnership", "explain a word",
    "new template", "another picture", "another picture unnoticed", "leave the picture out", "put the picture back",
    "leave the picture out by page", "leave the picture out unnoticed", "another logo", "tamper with the picture",
    "tamper with the edition", "tamper with the frozen text", "tamper with text and hash",
)  # fmt: skip
MOVES = ("submit", "look", "press", "command approves", "schedule", "stop", "release", "tick", "send back")
ACTIONS = (*MOVES, *CHANGES)


@dataclass
class Story:
    studio: Studio
    clock: ManualClock
    edition_id: int
    template: str = ""
    number: int = 0
    seen: dict[str, str] = field(default_factory=dict)
    approved: set[str] = field(default_factory=set)  # hashes of what stood before an approver who pressed the button

    def render(self, mail: Any) -> Rendered:
        """The mail, as the version of the template that is installed now makes it."""
        found = REAL_RENDER(mail)
        return replace(found, html=found.html.replace("</body>", f"<!--{self.template}--></body>"))

    def do(self, action: str) -> None:
        self.number += 1
        try:
            with patch.object(engine, "render", self.render):
                getattr(self, action.replace(" ", "_"))()
        except NewsletterError:
            pass  # refused, with a sentence: what is refused has changed nothing

    def write(self, act: Callable[[Session], object]) -> None:
        with self.studio.runtime.db.transaction() as session:
            act(session)

    def submit(self) -> None:
        self.studio.author.post(f"{at(self.edition_id)}/submit", {})

    def look(self) -> None:
        page = self.studio.approver.get(at(self.edition_id))
        address = f"{at(self.edition_id)}/approve"
        if f'action="{address}"' in page.text:
            self.seen = fields_of(page, address)

    def press(self) -> None:
        if self.seen:
            answer = self.studio.approver.post(f"{at(self.edition_id)}/approve", self.seen)
            if answer.status_code == 303:
                self.approved.add(self.seen["seen"])

    def command_approves(self) -> None:
        """As `newsletter edition approve` does: whoever types it approves what there is."""

        def approve(session: Session) -> None:
            mailing_list = lists.by_id(session, self.studio.world.parents)
            head = letterheads.letterhead(session, mailing_list, self.studio.runtime.settings.base_url)
            edition = self.studio.world.approve(session, self.edition_id, letterhead=head)
            self.approved.add(edition.frozen_sha256 or "")

        self.write(approve)

    def schedule(self) -> None:
        self.studio.author.post(f"{at(self.edition_id)}/schedule", {"when": "soon", "list_name": LIST_NAME})

    def stop(self) -> None:
        self.studio.author.post(f"{at(self.edition_id)}/stop", {})

    def send_back(self) -> None:
        self.studio.approver.post(f"{at(self.edition_id)}/send-back", {"because": "Again"})

    def release(self) -> None:
        self.write(lambda session: opening.release_and_open(session, self.edition_id, now=self.clock.now()))

    def tick(self) -> None:
        self.clock.move(timedelta(minutes=11))
        self.write(lambda session: opening.open_due(session, now=self.clock.now()))

    def edit(self) -> None:
        subject = f"Subject {self.number}"
        self.write(lambda session: publishing.edit(session, self.edition_id, subject=subject, now=self.clock.now()))

    def edit_by_page(self) -> None:
        introduction = f"Introduction {self.number}."
        self.write(
            lambda session: publishing.edit(
                session,
                self.edition_id,
                introduction=introduction,
                now=self.clock.now(),
                staff_id=self.studio.author.staff_id,
            )
        )

    def edit_an_update(self) -> None:
        def edit(session: Session) -> None:
            update = session.exec(select(Update)).one()
            assert update.id is not None
            draft = updates.draft_of(update).model_copy(update={"parent_body": f"Words {self.number}."})
            updates.edit(session, update.id, draft, now=self.clock.now())
            publishing.reopen_editions_with(session, update.id, now=self.clock.now())

        self.write(edit)

    def edit_an_update_unnoticed(self) -> None:
        body = f"Unnoticed {self.number}."
        self.write(lambda session: session.execute(sa.update(Update).values(parent_body=body)))

    def another_picture(self) -> None:
        update_id = self.one_update()
        picture = {"file": ("a.jpg", jpeg((120, 90), seed=self.number), "image/jpeg")}
        fields_typed = {"alt": f"Garden {self.number}", "consent": "yes"}
        self.studio.author.post(f"/staff/updates/{update_id}/picture", fields_typed, files=picture)

    def another_picture_unnoticed(self) -> None:
        def put(session: Session) -> None:
            made = picture_files.photograph(jpeg((120, 90), seed=self.number))
            pictures.put_to_update(session, self.one_update(), made, "Garden", now=self.clock.now(), editor_id=None)

        self.write(put)

    def leave_the_picture_out(self) -> None:
        update_id = self.one_update()
        self.write(lambda session: picture_choices.leave_out(session, self.edition_id, update_id, now=self.clock.now()))

    def put_the_picture_back(self) -> None:
        update_id = self.one_update()
        self.write(lambda session: picture_choices.put_back(session, self.edition_id, update_id, now=self.clock.now()))

    def leave_the_picture_out_by_page(self) -> None:
        revision = str(self.studio.row(self.edition_id).revision)
        path = f"/staff/editions/{self.edition_id}/updates/{self.one_update()}/without-picture"
        self.studio.author.post(path, {"revision": revision})

    def leave_the_picture_out_unnoticed(self) -> None:
        self.write(lambda session: session.execute(sa.update(EditionChoice).values(without_picture=True)))

    def another_logo(self) -> None:
        colour = f"#0000{self.number % 90 + 10}"
        picture = {"file": ("a.png", png((200, 100), colour), "image/png")}
        self.studio.admin.post("/staff/settings/partnership/logo", {}, files=picture)

    def tamper_with_the_picture(self) -> None:
        content = jpeg((90, 60), seed=self.number)
        self.write(lambda session: session.execute(sa.update(Picture).values(content=content)))

    def one_update(self) -> int:
        with self.studio.runtime.db.reading() as session:
            return session.exec(select(Update.id)).one() or 0

    def change_the_partnership(self) -> None:
        text = f"Call 01632 96000{self.number % 10}."
        self.write(lambda session: session.execute(sa.update(Partnership).values(help_text=text)))

    def explain_a_word(self) -> None:
        term = GlossaryTerm(
            term="phone", expansion=f"telephone {self.number}", explanation="A phone.", from_date=date(2020, 1, 1)
        )
        self.write(lambda session: session.add(term))

    def new_template(self) -> None:
        self.template = f"version {self.number}"

    def tamper_with_the_edition(self) -> None:
        self.write(lambda session: studios.set_words(session, self.edition_id, subject=f"Tampered {self.number}"))

    def tamper_with_the_frozen_text(self) -> None:
        text = f"Tampered {self.number} [[leave_url]]"
        self.write(lambda session: studios.set_words(session, self.edition_id, frozen_html=text))

    def tamper_with_text_and_hash(self) -> None:
        def tamper(session: Session) -> None:
            edition = session.get_one(Edition, self.edition_id)
            if edition.frozen_html is None:
                return
            text = Rendered(f"Tampered {self.number}", edition.frozen_html, edition.frozen_text or "", "")
            for name, value in freezing.freeze(edition, text, edition.frozen_page or "").items():
                setattr(edition, name, value)

        self.write(tamper)


REAL_RENDER = engine.render


@pytest.fixture(scope="module")
def template_database(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the studio's people and one draft, to be copied for each story."""
    path = tmp_path_factory.mktemp("stories") / "template.db"
    path.write_bytes(sqlite_template.read_bytes())
    return path


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=14))
def test_bytes_other_than_those_approved_are_never_sent(template_database: Path, actions: list[str]) -> None:
    # Most stories would never get to a sending: each begins with what one needs, and ends with a chance for it.
    tell(template_database, ["submit", "look", *actions, "press", "schedule", "tick", "tick"])


@pytest.mark.parametrize("between", CHANGES)
@pytest.mark.parametrize("place", range(4))
def test_one_thing_between_any_two_steps(template_database: Path, between: str, place: int) -> None:
    steps = ["submit", "look", "press", "schedule", "tick"]
    tell(template_database, [*steps[: place + 1], between, *steps[place + 1 :]])


def test_the_plain_story_is_sent(template_database: Path) -> None:
    """Else the others would prove nothing."""
    assert tell(template_database, ["submit", "look", "press", "schedule", "tick"])


def tell(template_database: Path, actions: list[str]) -> bool:
    """Live through a story; whether the edition went out at its end."""
    with TemporaryDirectory() as directory:
        database = Path(directory) / "newsletter.db"
        database.write_bytes(template_database.read_bytes())
        clock = ManualClock(START)
        runtime = make_runtime(f"sqlite:///{database}", clock, Path(directory))
        try:
            studio = studios.build(runtime)
            story = Story(studio, clock, studio.edition())
            story.another_picture()
            story.another_logo()
            for action in actions:
                story.do(action)
                check(runtime, story)
            return studio.row(story.edition_id).released_at is not None
        finally:
            runtime.db.dispose()


def check(runtime: Runtime, story: Story) -> None:
    """What a worker would hand over now is what an approver saw."""
    with runtime.db.reading() as session:
        edition = session.get_one(Edition, story.edition_id)
        approvals = {row.sha256 for row in session.exec(select(EditionApproval))}
        assert approvals == story.approved
        if edition.state not in (EditionState.SENDING, EditionState.SENT):
            return
        try:
            freezing.verify_approved(session, edition)  # as `delivery.copies` does whenever the text is another
            sent = freezing.rendered(session, edition)
        except NewsletterError:
            return  # tampered with on its way: nothing is handed over
        own = freezing.freeze(edition, sent, edition.frozen_page or "")["frozen_sha256"]
        assert own in story.approved
        page = composing.page_from_json(edition.frozen_page or "")
        shown = [update.picture for section in page.sections for update in section.updates] + [page.logo]
        assert {each.sha256 for each in shown if each} == {picture.sha256 for picture in sent.pictures}
        for picture in sent.pictures:  # the HTML that was approved names them
            assert f"cid:{hashlib.sha256(picture.content).hexdigest()}@" in sent.html
