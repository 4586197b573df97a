"""Which subject a mail may answer, whatever mail programs put before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feedback import subjects

OURS = "More plans on time"

BEFORE = st.sampled_from(
    ["Re:", "RE: ", "re :", "Fwd: ", "FW:", "AW: ", "Antw.: ".replace(".", ""), "SV:", "VS: ", "Re[2]: ", "RE(3): ",
     "[EXTERNAL] ", "[EXT]", "EXTERNAL: ", "回复：", "Odp: "]
)  # fmt: skip


@given(st.lists(BEFORE, max_size=8), st.sampled_from([OURS, "News: more help", "[SEND] News", "SEND: a: b"]))
def test_what_mail_programs_put_before_it_is_seen_through(before: list[str], ours: str) -> None:
    assert subjects.comparable(ours) in subjects.may_answer("".join(before) + ours)


@given(st.text(alphabet="aZ:[]() \t\r\n\u00a0\u202e9éß：", max_size=80) | st.text(max_size=600))
def test_any_subject_is_read(text: str) -> None:
    found = subjects.may_answer(text)
    assert len(found) <= 20
    assert all(each == subjects.comparable(each) for each in found)
    assert bool(found) == bool(subjects.comparable(text))


@given(st.text(max_size=60))
def test_a_subject_answers_itself_first(text: str) -> None:
    assert subjects.may_answer(text)[:1] == [subjects.comparable(text)][: bool(subjects.comparable(text))]


@pytest.mark.parametrize(
    ("one", "other"),
    [("Re:  More\tplans  ON time", "re: more plans on time"), ("More plans\u00a0on time", OURS), ("ﬁne", "fine")],
)
def test_capitals_and_spaces_do_not_matter(one: str, other: str) -> None:
    assert subjects.comparable(one) == subjects.comparable(other)


@pytest.mark.parametrize(
    "subject", ["Your letter", "More plans", "About “More plans on time”", "Re: More plans on time!"]
)
def test_another_subject_is_another(subject: str) -> None:
    assert subjects.comparable(OURS) not in subjects.may_answer(subject)
