"""Watching an edition go out: figures, live and by hand; pausing, going on, giving up; copies nobody knows about."""

import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from newsletter.core.runtime import Runtime
from newsletter.delivery import ledger, opening
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.editions import publishing
from newsletter.editions.models import EditionState
from newsletter.providers.base import Outcome, Scope
from newsletter.staff.models import StaffRole
from newsletter.web.staff import sending
from tests.newsletter.delivery import scene
from tests.newsletter.web.staff import studio as studios
from tests.newsletter.web.staff.studio import Studio, at, words_of

S = EditionState


def prepared(studio: Studio, readers: int = 12) -> int:
    """An edition on its way to so many readers."""
    scene.add_readers(studio.runtime, studio.world.parents, readers)
    edition_id = studio.edition(S.APPROVED)
    with studio.runtime.db.transaction() as session:
        opening.release_and_open(session, edition_id, now=studio.runtime.clock.now())
    return edition_id


def outcome(studio: Studio, number: int, outcome: Outcome, **more: object) -> None:
    scene.record(studio.runtime, scene.claim(studio.runtime, number), outcome, **more)


@pytest.fixture
def studio(runtime: Runtime) -> Studio:
    return studios.build(runtime)


@pytest.fixture
def sqlite_studio(sqlite_runtime: Runtime) -> Studio:
    return studios.build(sqlite_runtime)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody watches for longer than a moment."""
    monkeypatch.setattr(sending, "LONGEST_S", 0.0)
    return


def events(text: str) -> list[tuple[str, dict[str, object]]]:
    """What a stream of server-sent events said."""
    found = []
    for block in text.strip().split("\n\n"):
        if block.startswith(":"):
            continue
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_the_page_says_how_far_it_is(studio: Studio) -> None:
    edition_id = prepared(studio)
    outcome(studio, 5, Outcome.ACCEPTED)
    outcome(studio, 2, Outcome.REJECTED, code="5.1.1", detail="no such user", scope=Scope.RECIPIENT)
    page = words_of(studio.author.get(at(edition_id, "sending")))
    assert "Being sent" in page
    assert "7 of 12 copies are dealt with" in page
    assert "Waiting 5" in page
    assert "Taken by the mail server 5" in page
    assert "Refused 2" in page
    assert "Refused 5.1.1 2" in page
    assert "no such user" not in page
    assert "@" not in page.replace("send@example.org", "")


@pytest.mark.parametrize("state", [S.DRAFT, S.REVIEW, S.APPROVED])
def test_before_it_goes_out_the_page_says_what_comes_first(sqlite_studio: Studio, state: EditionState) -> None:
    edition_id = sqlite_studio.edition(state)
    page = sqlite_studio.author.get(at(edition_id, "sending"))
    assert page.status_code == 200
    assert f'href="{at(edition_id)}"' in page.text
    assert "staff-sending" not in page.text


def test_the_stream_tells_the_figures_and_ends(studio: Studio, short: None) -> None:
    edition_id = prepared(studio)
    outcome(studio, 5, Outcome.ACCEPTED)
    answer = studio.author.get(at(edition_id, "sending/events"))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    (name, figures), end = events(answer.text)
    assert (name, end) == ("figures", ("end", {}))
    assert (figures["state"], figures["done"], figures["recipients"], figures["percent"]) == ("sending", 5, 12, 41)
    assert figures["counts"]["accepted"] == "5"  # type: ignore[index]


def test_the_stream_ends_by_itself_when_the_edition_is_sent(sqlite_studio: Studio) -> None:
    edition_id = prepared(sqlite_studio)
    outcome(sqlite_studio, 12, Outcome.ACCEPTED)
    scene.reconcile(sqlite_studio.runtime)
    found = events(sqlite_studio.author.get(at(edition_id, "sending/events")).text)
    assert [name for name, _ in found] == ["figures", "end"]
    assert found[0][1]["state"] == "sent"


def test_only_so_many_watch_at_once(sqlite_studio: Studio, short: None, monkeypatch: pytest.MonkeyPatch) -> None:
    edition_id = prepared(sqlite_studio)
    monkeypatch.setattr(sending, "MOST_WATCHING", 0)
    answer = sqlite_studio.author.get(at(edition_id, "sending/events"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    monkeypatch.setattr(sending, "MOST_WATCHING", 1)
    for _ in range(3):  # each gives its place back
        assert sqlite_studio.author.get(at(edition_id, "sending/events")).status_code == 200


def test_pausing_and_going_on_ask_first(studio: Studio) -> None:
    edition_id = prepared(studio)
    path = at(edition_id, "sending")
    assert "cannot be called back" in words_of(studio.author.get(f"{path}/pause"))
    assert studio.state(edition_id) is S.SENDING
    answer = studio.author.post(f"{path}/pause", {"because": "The <link> is wrong"})
    assert answer.headers["location"] == f"{path}?said=paused"
    assert studio.state(edition_id) is S.PAUSED
    page = studio.author.get(path)
    assert "It is paused: The <link> is wrong" in words_of(page)
    assert "<link> is wrong" not in page.text
    assert f"{path}/resume" in page.text
    assert studio.author.get(f"{path}/pause").status_code == 303  # it is paused: there is nothing to ask
    studio.author.post(f"{path}/pause")
    assert studio.row(edition_id).paused_because == "The <link> is wrong"
    assert "no second one" in words_of(studio.author.get(f"{path}/resume"))
    studio.author.post(f"{path}/resume")
    assert studio.state(edition_id) is S.SENDING
    assert [action for action, *_ in studio.log()] == ["pause edition", "resume edition"]


def test_cancelling_stops_what_has_not_gone(studio: Studio) -> None:
    edition_id = prepared(studio)
    outcome(studio, 5, Outcome.ACCEPTED)
    path = at(edition_id, "sending")
    assert "This cannot be undone" in words_of(studio.approver.get(f"{path}/cancel"))
    assert studio.approver.post(f"{path}/cancel").status_code == 303
    assert studio.state(edition_id) is S.CANCELLED
    assert scene.states(studio.runtime, edition_id) == {"accepted": 5, "skipped": 7}
    page = studio.approver.get(path)
    assert f"{path}/cancel" not in page.text
    assert studio.approver.post(f"{path}/resume").status_code == 409


def test_what_was_tampered_with_does_not_go_on(sqlite_studio: Studio) -> None:
    edition_id = prepared(sqlite_studio)
    sqlite_studio.author.post(at(edition_id, "sending/pause"))
    with sqlite_studio.runtime.db.transaction() as session:
        studios.set_words(session, edition_id, frozen_html="Something else [[leave_url]]")
    answer = sqlite_studio.author.post(at(edition_id, "sending/resume"))
    assert answer.status_code == 409
    assert "is not what was approved" in answer.text


@pytest.mark.parametrize(("decision", "state"), [("again", "queued"), ("leave", "unknown")])
def test_a_person_decides_about_unknown_copies(studio: Studio, decision: str, state: str) -> None:
    edition_id = prepared(studio)
    outcome(studio, 9, Outcome.ACCEPTED)
    outcome(studio, 3, Outcome.UNKNOWN, detail="reader-3@example.org: timed out <b>")
    path = at(edition_id, "sending")
    assert "Of 3 copies nobody knows" in words_of(studio.author.get(path))
    assert studio.author.get(f"{path}/unknown").status_code == 403
    page = studio.approver.get(f"{path}/unknown")
    assert "3 copies were handed over" in words_of(page)
    assert "reader-3@" not in page.text
    assert "<b>" not in page.text
    empty = studio.approver.post(f"{path}/unknown", {})
    assert empty.status_code == 422
    assert 'href="#decision">Choose what happens' in empty.text
    assert studio.approver.post(f"{path}/unknown", {"decision": decision}).status_code == 303
    assert scene.states(studio.runtime, edition_id) == {"accepted": 9, state: 3}
    assert studio.log()[-1][0] == "decide about unknown copies"
    with studio.runtime.db.reading() as session:
        scene.assert_counts_are_right(session)


def test_nothing_is_sent_again_of_a_cancelled_edition(sqlite_studio: Studio) -> None:
    edition_id = prepared(sqlite_studio)
    outcome(sqlite_studio, 3, Outcome.UNKNOWN)
    sqlite_studio.approver.post(at(edition_id, "sending/cancel"))
    assert "Send them again" not in sqlite_studio.approver.get(at(edition_id, "sending/unknown")).text
    answer = sqlite_studio.approver.post(at(edition_id, "sending/unknown"), {"decision": "again"})
    assert answer.status_code == 409
    assert scene.states(sqlite_studio.runtime, edition_id)["unknown"] == 3


def test_unknown_copies_come_fifty_at_a_time(sqlite_studio: Studio) -> None:
    edition_id = prepared(sqlite_studio, readers=120)
    outcome(sqlite_studio, 120, Outcome.UNKNOWN)
    path, seen = at(edition_id, "sending/unknown"), []
    after = 0
    for expected in (50, 50, 20):
        page = sqlite_studio.approver.get(f"{path}?after={after}").text
        ids = [int(each.split("</th>")[0]) for each in page.split('app-plain-header" scope="row">')[1:]]
        assert len(ids) == expected
        seen += ids
        after = ids[-1]
    assert len(set(seen)) == 120
    assert sqlite_studio.approver.get(f"{path}?after=99999999").status_code == 200
    assert sqlite_studio.approver.get(f"{path}?after=-1").status_code == 422


def test_nobody_reaches_an_edition_of_another_list(sqlite_studio: Studio) -> None:
    edition_id = prepared(sqlite_studio)
    with sqlite_studio.runtime.db.transaction() as session:
        publishing.pause(session, edition_id, because="x", now=sqlite_studio.runtime.clock.now())
    for role in (StaffRole.AUTHOR, StaffRole.APPROVER, StaffRole.PARTNER_APPROVER, StaffRole.ADMIN):
        stranger = sqlite_studio.only_for(role, list_id=sqlite_studio.world.professionals)
        for page in ("sending", "sending/events", "sending/resume", "sending/unknown", "report", "report.csv"):
            assert stranger.get(at(edition_id, page)).status_code == 403, (role, page)
        for page in ("sending/resume", "sending/cancel", "sending/pause", "sending/unknown"):
            assert stranger.post(at(edition_id, page), {"decision": "again"}).status_code == 403, (role, page)
    assert sqlite_studio.state(edition_id) is S.PAUSED


def test_a_page_asks_the_database_few_questions(sqlite_studio: Studio) -> None:
    edition_id = prepared(sqlite_studio, readers=1_200)
    with sqlite_studio.runtime.db.transaction() as session:
        first = session.exec(select(Delivery.id).order_by(col(Delivery.id)).limit(1)).one()
        assert first is not None
        for each in range(1_000):
            ledger.apply_receipt(
                session,
                first + each,
                DeliveryState.BOUNCED,
                code=f"5.{each % 30}.0",
                now=sqlite_studio.runtime.clock.now(),
            )
    assert sqlite_studio.author != sqlite_studio.approver  # both have signed in before anything is counted
    asked: list[str] = []
    sa.event.listen(
        sqlite_studio.runtime.db.engine, "before_cursor_execute", lambda *ran: asked.append(ran[2]), named=False
    )
    assert sqlite_studio.author.get(at(edition_id, "sending")).status_code == 200
    assert len(asked) <= 20
    asked.clear()
    assert sqlite_studio.approver.get(at(edition_id, "sending/unknown")).status_code == 200
    assert len(asked) <= 20
