"""Finding a school by what people type, among as many as there are."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from newsletter.core.runtime import Runtime
from subscribers import school_search
from subscribers.models import School
from subscribers.school_words import plain
from tests.subscribers.test_schools import line, register, take_in

NAMES = st.lists(
    st.sampled_from(["St.", "Mary’s", "O'Hara's", "Café", "School", "schön", "Nº", "%", "_", "100%", "Straße", "İzmir"])
    | st.text(max_size=8),
    min_size=1,
    max_size=4,
).map(lambda words: " ".join(words)[:200])


def school(urn: int, name: str, *, town: str = "Exampleton", postcode: str = "EX1 1AA", is_open: bool = True) -> School:
    return School(
        urn=urn,
        name=name,
        type_name="Community school",
        phase_name="Primary",
        town=town,
        postcode=postcode,
        local_authority_code=931,
        is_open=is_open,
    )


def found(session: Session, typed: str) -> list[str]:
    return [one.name for one in school_search.search(session, typed)]


@pytest.fixture
def session(runtime: Runtime):  # type: ignore[no-untyped-def]
    with runtime.db.reading() as session:
        yield session


def test_names_come_before_towns_and_towns_before_postcodes(session: Session) -> None:
    session.add_all(
        [
            school(1, "Riverside School", town="Ex", postcode="ZZ1 1ZZ"),
            school(2, "The Ex School", postcode="ZZ1 1ZZ", town="Somewhere"),
            school(3, "Exley School", postcode="ZZ1 1ZZ", town="Somewhere"),
            school(4, "Hill School", postcode="EX1 1AA", town="Somewhere"),
            school(5, "Sussex School", postcode="ZZ1 1ZZ", town="Somewhere"),
        ]
    )
    session.flush()
    assert found(session, "ex") == ["Exley School", "The Ex School", "Riverside School", "Hill School"]


@pytest.mark.parametrize(
    "typed",
    ["st mary", "St. Mary's", "ST MARY’S", "mary st", "cafe", "CAFÉ", "ex11a", "EX1 1AA", "café example"],
)
def test_spelling_does_not_matter(typed: str, session: Session) -> None:
    session.add(school(1, "St Mary’s Café School"))
    session.flush()
    assert found(session, typed) == ["St Mary’s Café School"]


@pytest.mark.parametrize(
    "typed", ["", " ", "s", "'", "%", "_", "%%", "school%", "\0", "\ud800", "x" * 5000, "a b " * 99]
)
def test_too_little_and_nonsense_find_nothing_wrong(typed: str, session: Session) -> None:
    session.add(school(1, "Some School"))
    session.flush()
    assert found(session, typed) == (["Some School"] if typed == "school%" else [])


def test_closed_schools_are_not_offered_and_twenty_are_enough(session: Session) -> None:
    session.add_all([school(number, f"School {number:02}", is_open=number != 1) for number in range(1, 40)])
    session.flush()
    assert found(session, "school") == [f"School {number:02}" for number in range(2, 22)]


def test_a_renamed_school_is_found_by_its_new_name(runtime: Runtime) -> None:
    take_in(runtime, register(line(100001, "Old Name"), line(100002, "Stays")))
    take_in(runtime, register(line(100001, "New Name"), line(100002, "Stays", status="Closed")))
    with runtime.db.reading() as session:
        assert found(session, "new") == ["New Name"]
        assert found(session, "old") == []
        assert found(session, "stays") == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, min_size=1, max_size=12), data=st.data())
def test_whoever_types_the_beginnings_of_words_finds_the_school(
    names: list[str], data: st.DataObject, runtime: Runtime
) -> None:
    with runtime.db.reading() as session:
        clean = ["".join(c for c in name if c.isprintable()) for name in names]
        session.add_all([school(number, name) for number, name in enumerate(clean, start=1)])
        session.flush()
        wanted = data.draw(st.sampled_from(range(len(names))))
        words = plain(clean[wanted]).split()
        typed = " ".join(word[: data.draw(st.integers(1, len(word)))] for word in words)
        answer = school_search.search(session, typed)
        if len(typed.replace(" ", "")) >= school_search.FEWEST_LETTERS:
            assert wanted + 1 in [one.urn for one in answer]
        for one in answer:
            there = plain(f"{one.name} {one.town} {one.postcode}").split()
            assert all(any(has.startswith(word) for has in there) for word in plain(typed).split())
