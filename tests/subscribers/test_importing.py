"""People in from a spreadsheet and out into one."""

import io
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlmodel import func, select

from newsletter.core.clock import ManualClock
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.core.runtime import Runtime
from subscribers import exporting, identity, importing, lists, privacy, sheets, spreadsheets
from subscribers.importing import ImportReport, RowResult
from subscribers.models import Consent, Phase, Role, Subscriber, SubscriberState, SuppressionReason, Wording
from subscribers.sheets import Cell
from subscribers.signup import Answer
from subscribers.workbooks import Workbook
from tests.subscribers.conftest import Lists
from tests.subscribers.test_recipients import suppress
from tests.subscribers.test_signup import ask, confirmed, leave, link, press, row

HEADINGS = "email,consent_date,wording,source\n"


def bring_in(
    runtime: Runtime,
    mailing_list_id: int,
    text: str | Iterator[str] | spreadsheets.File,
    *,
    already_confirmed: bool = False,
    dry_run: bool = False,
) -> ImportReport:
    file: spreadsheets.File
    if isinstance(text, str):
        file = io.StringIO(text, newline="")
    elif isinstance(text, (io.StringIO, Workbook)):
        file = text
    else:
        file = _Lines(iter(text))
    with runtime.db.transaction() as session:
        return importing.import_file(
            session,
            runtime.crypto,
            mailing_list_id=mailing_list_id,
            file=file,
            already_confirmed=already_confirmed,
            now=runtime.clock.now(),
            dry_run=dry_run,
        )


class _Lines(io.StringIO):
    """A file that is never in memory as a whole."""

    def __init__(self, lines: Iterator[str]) -> None:
        super().__init__()
        self._lines = lines

    def readline(self, _size: int | None = -1, /) -> str:
        return next(self._lines, "")

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        return self._lines


def results(report: ImportReport) -> list[RowResult]:
    return [outcome.result for outcome in report.rows]


def subscribers(runtime: Runtime) -> int:
    with runtime.db.reading() as session:
        return session.exec(select(func.count()).select_from(Subscriber)).one()


class TestPending:
    def test_people_come_in_pending_and_are_to_be_asked(self, runtime: Runtime, both: Lists) -> None:
        text = HEADINGS + "one@example.org,2025-03-31,,paper form\ntwo@example.org,,,\n"
        report = bring_in(runtime, both.parents, text)
        assert results(report) == [RowResult.IMPORTED] * 2
        assert [outcome.line for outcome in report.rows] == [2, 3]
        assert len(report.to_confirm) == 2
        with runtime.db.reading() as session:
            one = identity.find(session, runtime.crypto, both.parents, "one@example.org")
            assert one is not None
            assert (one.state, one.requested_at, one.confirmed_at) == (
                SubscriberState.PENDING,
                runtime.clock.now(),
                None,
            )
            consent = session.exec(select(Consent).where(Consent.subscriber_id == one.id)).one()
            assert (consent.source, consent.confirmed_at) == ("paper form", None)
            assert consent.requested_at == datetime(2025, 3, 31, tzinfo=UTC)
            assert consent.wording_id == lists.current_wording(session, both.parents).id
            one_id = one.id
        assert one_id in report.to_confirm
        assert press(runtime, link(runtime, both.parents, one_id)).newly

    def test_importing_again_adds_nobody_and_asks_nobody(self, runtime: Runtime, both: Lists) -> None:
        text = HEADINGS + "one@example.org,,,\nONE@example.org,,,\n"
        assert results(bring_in(runtime, both.parents, text)) == [RowResult.IMPORTED, RowResult.ALREADY_THERE]
        again = bring_in(runtime, both.parents, text)
        assert results(again) == [RowResult.ALREADY_THERE] * 2
        assert again.to_confirm == []
        assert subscribers(runtime) == 1

    def test_the_confirmation_letter_counts_towards_three_a_day(self, runtime: Runtime, both: Lists) -> None:
        bring_in(runtime, both.parents, HEADINGS + "one@example.org,,,\n")
        answers = [ask(runtime, both.parents, "one@example.org").answer for _ in range(3)]
        assert answers == [Answer.CONFIRM, Answer.CONFIRM, Answer.NOTHING]

    def test_nobody_comes_back_who_left_was_erased_or_must_not_be_mailed(
        self, runtime: Runtime, both: Lists, clock: ManualClock
    ) -> None:
        leave(runtime, both.parents, confirmed(runtime, both.parents, "left@example.org"))
        confirmed(runtime, both.parents, "stays@example.org")
        confirmed(runtime, both.parents, "erased@example.org")
        with runtime.db.transaction() as session:
            privacy.erase(session, runtime.crypto, "erased@example.org", now=clock.now())
        suppress(runtime, SuppressionReason.COMPLAINED, address="complained@example.org")
        suppress(runtime, SuppressionReason.NOT_REQUESTED, days=30, address="not-me@example.org")
        names = ("left", "stays", "erased", "complained", "not-me")
        text = HEADINGS + "".join(f"{name}@example.org,2025-03-31,Words,paper\n" for name in names)
        for already_confirmed in (False, True):
            report = bring_in(runtime, both.parents, text, already_confirmed=already_confirmed)
            assert results(report) == [RowResult.SUPPRESSED, RowResult.ALREADY_THERE, *[RowResult.SUPPRESSED] * 3]
            assert report.counts == {RowResult.SUPPRESSED: 4, RowResult.ALREADY_THERE: 1}
            assert report.to_confirm == []
        clock.move(timedelta(days=31))
        assert results(bring_in(runtime, both.parents, text))[-2:] == [RowResult.SUPPRESSED, RowResult.IMPORTED]


class TestAlreadyConfirmed:
    def test_every_piece_of_evidence_is_needed_and_kept(self, runtime: Runtime, both: Lists) -> None:
        text = (
            HEADINGS
            + 'one@example.org,31/03/2025,"Yes, send me news.",old system\n'
            + 'two@example.org,2025-04-01T12:30:00+01:00,"Yes, send me news.",old system\n'
            + "three@example.org,,Yes,old system\nfour@example.org,2025-03-31,,old system\n"
            + "five@example.org,2025-03-31,Yes,\nsix@example.org\n"
        )
        report = bring_in(runtime, both.parents, text, already_confirmed=True)
        assert results(report) == [RowResult.IMPORTED] * 2 + [RowResult.MISSING_EVIDENCE] * 4
        assert report.rows[-1].reason == "No consent_date, wording, source"
        assert report.to_confirm == []
        with runtime.db.reading() as session:
            two = identity.find(session, runtime.crypto, both.parents, "two@example.org")
            assert two is not None
            assert two.state is SubscriberState.CONFIRMED
            consent = session.exec(select(Consent).where(Consent.subscriber_id == two.id)).one()
            given_at = datetime(2025, 4, 1, 11, 30, tzinfo=UTC)
            assert two.confirmed_at == consent.confirmed_at == consent.requested_at == given_at
            wordings = {wording.version: wording.text for wording in session.exec(select(Wording))}
            assert wordings == {1: "Get SEND news for parents.", -1: "Yes, send me news."} | {
                version: text for version, text in wordings.items() if "professionals" in text
            }

    def test_the_form_never_shows_an_imported_wording(self, runtime: Runtime, both: Lists) -> None:
        bring_in(runtime, both.parents, HEADINGS + "one@example.org,2026-11-03,Theirs,x\n", already_confirmed=True)
        with runtime.db.transaction() as session:
            assert lists.current_wording(session, both.parents).text == "Get SEND news for parents."
            ours = lists.add_wording(session, lists.by_id(session, both.parents), "Theirs", now=runtime.clock.now())
            assert ours.version == 2

    @pytest.mark.parametrize(
        "when", ["tomorrow", "2026-11-04", "1970-01-01", "03/31/2025", "31/03/2025 oder so", "9999-99-99", "0001-01-01"]
    )
    def test_a_date_that_cannot_be(self, runtime: Runtime, both: Lists, when: str) -> None:
        report = bring_in(runtime, both.parents, f"{HEADINGS}one@example.org,{when},Words,x\n", already_confirmed=True)
        assert results(report) == [RowResult.INVALID]
        assert "consent date" in report.rows[0].reason


class TestDetails:
    def test_role_setting_and_phase_of_professionals(self, runtime: Runtime, both: Lists) -> None:
        text = (
            "Email,Role,Setting,Phase\n"
            "one@example.org,Social care,A service,\n"
            "two@example.org,SENCO,123456,Post 16\n"
            "three@example.org,,,\n"
            "four@example.org,wizard,,\n"
            "five@example.org,senco,999999,\n"
            "six@example.org,senco,x,night\n"
        )
        report = bring_in(runtime, both.professionals, text)
        assert results(report) == [RowResult.IMPORTED] * 3 + [RowResult.INVALID] * 3
        assert "senco, head" in report.rows[3].reason
        with runtime.db.reading() as session:
            two = identity.find(session, runtime.crypto, both.professionals, "two@example.org")
            assert two is not None
            assert (two.role, two.school_urn, two.setting_name, two.phase) == (Role.SENCO, 123456, None, Phase.POST_16)

    def test_nothing_but_an_address_is_taken_from_parents(self, runtime: Runtime, both: Lists) -> None:
        report = bring_in(
            runtime, both.parents, "email,role,child name\none@example.org,senco,x\ntwo@example.org,,ignored\n"
        )
        assert results(report) == [RowResult.INVALID, RowResult.IMPORTED]


class TestDryRun:
    @pytest.mark.parametrize("already_confirmed", [True, False])
    def test_it_says_the_same_and_does_nothing(self, runtime: Runtime, both: Lists, already_confirmed: bool) -> None:
        text = HEADINGS + "one@example.org,2025-03-31,Words,x\none@example.org,2025-03-31,Words,x\nbad,,,\n"
        said = bring_in(runtime, both.parents, text, already_confirmed=already_confirmed, dry_run=True)
        assert subscribers(runtime) == 0
        with runtime.db.reading() as session:
            assert len(session.exec(select(Wording)).all()) == 2
        done = bring_in(runtime, both.parents, text, already_confirmed=already_confirmed)
        assert said.rows == done.rows
        assert said.counts == done.counts
        assert said.to_confirm == []


class TestFiles:
    @pytest.mark.parametrize(
        "content",
        [
            "email,source\r\none@example.org,café\r\n".encode("utf-8-sig"),
            "email,source\none@example.org,café\n".encode(),
            "email,source\rone@example.org,café\r".encode("cp1252"),
            "email;source\none@example.org;café\n".encode("cp1252"),
            "sep=;\r\nemail;source\r\none@example.org;café\r\n".encode("utf-8-sig"),
            "E-mail Address\t Source \none@example.org\tcafé\n".encode("utf-16"),
            'SOURCE,"EMAIL"\n\n,\n"café",  one@example.org  \n,\n'.encode(),
        ],
    )
    def test_whatever_a_spreadsheet_saves_is_read(
        self, sqlite_runtime: Runtime, tmp_path: Path, content: bytes
    ) -> None:
        from tests.subscribers.conftest import make_lists

        both = make_lists(sqlite_runtime)
        path = tmp_path / "people.csv"
        path.write_bytes(content)
        with spreadsheets.opened(path) as file, sqlite_runtime.db.transaction() as session:
            report = importing.import_file(
                session,
                sqlite_runtime.crypto,
                mailing_list_id=both.parents,
                file=file,
                already_confirmed=False,
                now=sqlite_runtime.clock.now(),
                dry_run=False,
            )
        assert results(report) == [RowResult.IMPORTED]
        with sqlite_runtime.db.reading() as session:
            assert session.exec(select(Consent)).one().source == "café"
            assert identity.find(session, sqlite_runtime.crypto, both.parents, "one@example.org") is not None

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "no column email"),
            ("one@example.org\ntwo@example.org\n", "no column email"),
            ("email,email\none@example.org,two@example.org\n", "same name"),
            ('email,source\none@example.org,"' + "x" * 200_000, "from line"),
        ],
    )
    def test_a_file_that_cannot_be_read_says_why_without_repeating_it(
        self, runtime: Runtime, both: Lists, text: str, said: str
    ) -> None:
        with pytest.raises(InvalidInput, match=said) as caught:
            bring_in(runtime, both.parents, text)
        assert "@" not in str(caught.value)
        assert subscribers(runtime) == 0

    def test_rows_that_cannot_be_used_say_why_without_an_address(self, runtime: Runtime, both: Lists) -> None:
        rows = [
            "nobody", '"=HYPERLINK(""mailto:one@example.org"")"', "a@example.org\0", "one@example.org,2025-03-31,a,b,c",
            "two@example.org,2025-03-31,Words," + "x" * 201, "three@example.org,2025-03-31,nul\0nul,x",
            "four@example.org,2025-03-31," + "w" * 10_001 + ",x", "five@example.org,2025-03-31,w,nul\0nul",
        ]  # fmt: skip
        report = bring_in(runtime, both.parents, HEADINGS + "\n".join(rows) + "\nlast@example.org,,,\n")
        assert results(report) == [RowResult.INVALID] * len(rows) + [RowResult.IMPORTED]
        for outcome in report.rows[:-1]:
            assert outcome.reason
            assert "@" not in outcome.reason.replace("name@example.com", "")

    def test_a_list_that_is_not_there(self, runtime: Runtime, both: Lists) -> None:
        with pytest.raises(NotFound):
            bring_in(runtime, 99, HEADINGS)

    @hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(text=st.text(max_size=200).map(lambda rest: HEADINGS + rest) | st.text(max_size=200))
    def test_any_text_gives_a_report_or_a_sentence(self, runtime: Runtime, both: Lists, text: str) -> None:
        said = "a report"
        try:
            bring_in(runtime, both.professionals, text)
        except InvalidInput as error:
            said = str(error)
        assert said


def test_the_file_is_never_in_memory_as_a_whole(sqlite_runtime: Runtime) -> None:
    from tests.subscribers.conftest import make_lists

    both = make_lists(sqlite_runtime)
    wording = "Yes, send me news. " * 80

    def lines(first: int, number: int) -> Iterator[str]:
        yield HEADINGS
        for index in range(first, first + number):
            yield f'person-{index}@example.org,2025-03-31,"{wording}",old system\n'

    def peak_bytes(first: int, number: int) -> int:
        tracemalloc.reset_peak()
        before, _peak = tracemalloc.get_traced_memory()
        report = bring_in(sqlite_runtime, both.parents, lines(first, number), already_confirmed=True)
        assert report.counts == {RowResult.IMPORTED: number}
        return tracemalloc.get_traced_memory()[1] - before

    bring_in(sqlite_runtime, both.parents, lines(0, 600), already_confirmed=True)
    tracemalloc.start()
    try:
        few, many = peak_bytes(10_000, 600), peak_bytes(20_000, 6_600)
    finally:
        tracemalloc.stop()
    assert (many - few) / 6_000 < 800  # about 250 bytes for a row's outcome; the row itself has 1,600


class TestExport:
    def rows(self, runtime: Runtime, mailing_list_id: int) -> list[dict[str, Cell]]:
        with runtime.db.reading() as session:
            found = importing.export_rows(session, runtime.crypto, mailing_list_id)
            return [dict(zip(exporting.COLUMNS, row, strict=True)) for row in found]

    def test_only_those_who_get_the_editions_with_their_evidence(self, runtime: Runtime, both: Lists) -> None:
        ask(runtime, both.parents, "pending@example.org")
        leave(runtime, both.parents, confirmed(runtime, both.parents, "left@example.org"))
        confirmed(runtime, both.parents, "stays@example.org")
        assert self.rows(runtime, both.parents) == [
            {
                "email": "stays@example.org",
                "consent_date": datetime(2026, 11, 3, 9, tzinfo=UTC),
                "wording": "Get SEND news for parents.",
                "source": "web form",
                "role": None,
                "setting": None,
                "phase": None,
            }
        ]
        assert self.rows(runtime, both.professionals) == []
        with runtime.db.reading() as session:
            with pytest.raises(NotFound):
                importing.export_rows(session, runtime.crypto, 99)

    @pytest.mark.parametrize("write", [sheets.as_csv, sheets.as_workbook])
    def test_what_goes_out_can_come_in_again(self, runtime: Runtime, both: Lists, write: Callable[..., bytes]) -> None:
        text = (
            "email,consent_date,wording,source,role,setting,phase\n"
            "=cmd@example.org,2025-03-31,+Words,@source,senco,123456,primary\n"
            "one@example.org,2025-03-31,-Words,x,,=1+1 nursery,\n"
        )
        bring_in(runtime, both.professionals, text, already_confirmed=True)
        rows = self.rows(runtime, both.professionals)
        file = write(exporting.COLUMNS, [tuple(row.values()) for row in rows])
        with runtime.db.transaction() as session:
            for subscriber in session.exec(select(Subscriber)).all():
                row(session, subscriber.id)
                session.delete(subscriber)
        assert (
            results(bring_in(runtime, both.professionals, spreadsheets.decoded(file), already_confirmed=True))
            == [RowResult.IMPORTED] * 2
        )
        assert self.rows(runtime, both.professionals) == rows

    def test_more_than_one_page(self, runtime: Runtime, both: Lists) -> None:
        people = "".join(f"p{number}@example.org,2025-03-31,Words,x\n" for number in range(1_203))
        bring_in(runtime, both.parents, HEADINGS + people, already_confirmed=True)
        assert len({exported["email"] for exported in self.rows(runtime, both.parents)}) == 1_203
