"""The school register, in the form in which it is published."""

import csv
import io

import pytest
from sqlmodel import select

from newsletter.core.errors import InvalidInput, NotFound
from newsletter.core.runtime import Runtime
from subscribers import schools
from subscribers.models import School

#: The register's own headings, in its order (a part of them).
HEADINGS = [
    "URN", "LA (code)", "LA (name)", "EstablishmentNumber", "EstablishmentName", "TypeOfEstablishment (name)",
    "EstablishmentStatus (name)", "PhaseOfEducation (name)", "Town", "Postcode", "TelephoneNum", "HeadFirstName",
    "HeadLastName",
]  # fmt: skip


def line(
    urn: int | str,
    name: str = "A school",
    *,
    code: int | str = 931,
    status: str = "Open",
    phase: str = "Primary",
    kind: str = "Community school",
) -> list[str]:
    person = ["01865 000000", "FIRSTNAME", "LASTNAME"]
    return [str(urn), str(code), "Oxfordshire", "1", name, kind, status, phase, "Oxford", "OX1 1AA", *person]


def register(*lines: list[str], headings: list[str] = HEADINGS) -> io.BytesIO:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([headings, *lines])
    return io.BytesIO(text.getvalue().encode("cp1252"))


def take_in(runtime: Runtime, file: io.BytesIO, codes: set[int] | None = frozenset({931})) -> int:  # type: ignore[assignment]
    with runtime.db.transaction() as session:
        return schools.import_register(session, file, local_authority_codes=codes)


def offered(runtime: Runtime) -> list[tuple[int, str]]:
    with runtime.db.reading() as session:
        return [(school.urn, school.name) for school in schools.open_schools(session)]


def test_open_schools_of_the_authority_come_in_whatever_their_phase(runtime: Runtime) -> None:
    file = register(
        line(100002, "St Mary’s Café School"),
        line(100001, "A special school", phase="Not applicable", kind="Community special school"),
        line(100003, "A pupil referral unit", phase="Not applicable", status="Open, but proposed to close"),
        line(100004, "Closed school", status="Closed"),
        line(100005, "Not yet", status="Proposed to open"),
        line(100006, "Somewhere else", code=330),
    )
    assert take_in(runtime, file) == 3
    assert not file.closed
    assert offered(runtime) == [
        (100003, "A pupil referral unit"),
        (100001, "A special school"),
        (100002, "St Mary’s Café School"),
    ]
    with runtime.db.reading() as session:
        school = schools.by_urn(session, 100001)
        assert school.type_name == "Community special school"
        assert (school.phase_name, school.town, school.postcode) == ("Not applicable", "Oxford", "OX1 1AA")
        assert (school.local_authority_code, school.is_open) == (931, True)
        with pytest.raises(NotFound):
            schools.by_urn(session, 100004)
        everything = " ".join(str(school.model_dump()) for school in session.exec(select(School)))
        assert "FIRSTNAME" not in everything
        assert "LASTNAME" not in everything
        assert "01865" not in everything


def test_schools_are_followed_when_they_are_renamed_move_close_or_vanish(runtime: Runtime) -> None:
    take_in(runtime, register(*(line(100000 + number, f"School {number}") for number in range(1, 6))))
    again = register(
        line(100001, "Renamed"),
        line(100002, "School 2", status="Closed"),
        line(100003, "Moved", code=999),
        line(100004),
    )
    assert take_in(runtime, again) == 2
    assert offered(runtime) == [(100004, "A school"), (100003, "Moved"), (100001, "Renamed")]
    with runtime.db.reading() as session:
        assert not schools.by_urn(session, 100002).is_open
        assert not schools.by_urn(session, 100005).is_open
        assert schools.by_urn(session, 100005).name == "School 5"


def test_importing_twice_is_the_same(runtime: Runtime) -> None:
    lines = [line(100001), line(100001, "The same again"), line(100002)]
    assert take_in(runtime, register(*lines)) == take_in(runtime, register(*lines)) == 2
    assert len(offered(runtime)) == 2


def test_another_authority_does_not_close_the_first(runtime: Runtime) -> None:
    take_in(runtime, register(line(100001)))
    assert take_in(runtime, register(line(200001, code=330)), {330}) == 1
    assert len(offered(runtime)) == 2


def test_all_authorities(runtime: Runtime) -> None:
    assert take_in(runtime, register(line(100001), line(200001, code=330), line(300001, code="")), None) == 3


def test_many_schools(runtime: Runtime) -> None:
    assert take_in(runtime, register(*(line(100000 + number) for number in range(1_203)))) == 1_203
    assert len(offered(runtime)) == 1_203


def test_bytes_that_mean_nothing_and_a_byte_order_mark_do_not_matter(runtime: Runtime) -> None:
    broken = register(line(100001, "XX")).getvalue().replace(b"XX", b"Broken \x81 name")
    assert take_in(runtime, io.BytesIO(broken)) == 1
    utf8 = register(line(100002, "Café")).getvalue().decode("cp1252").encode("utf-8-sig")
    assert take_in(runtime, io.BytesIO(utf8)) == 1
    assert (100002, "Café") in offered(runtime)


def test_names_longer_than_we_keep_are_cut(runtime: Runtime) -> None:
    take_in(runtime, register(line(100001, "n" * 300, kind="k" * 300, phase="p" * 300)))
    assert offered(runtime) == [(100001, "n" * 200)]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (io.BytesIO(b""), "no column URN"),
        (io.BytesIO(b"\x00\xff\xfe"), "no column URN"),
        (register(headings=[heading for heading in HEADINGS if heading != "Town"]), "no column Town"),
        (register(), "no open school"),
        (register(line(100001, status="Closed")), "no open school"),
        (register(line(100001, code=330)), "no open school"),
        (register(line("not a number")), "Line 2"),
        (register(line(100001), line(10**12)), "Line 3"),
        (register(line(100001, "x" * 200_000)), "Line 2"),
    ],
)
def test_a_file_that_is_not_the_register_changes_nothing(runtime: Runtime, file: io.BytesIO, said: str) -> None:
    take_in(runtime, register(line(123456, "Stays")))
    file.seek(0)
    with pytest.raises(InvalidInput, match=said):
        take_in(runtime, file)
    assert offered(runtime) == [(123456, "Stays")]


def test_the_licence_is_named() -> None:
    assert "Open Government Licence v3.0" in schools.ATTRIBUTION
