"""The sample's events, responses and glossary, with days counted from the day of loading."""

import tomllib
from datetime import date, datetime, timedelta
from importlib import resources
from io import StringIO
from typing import Any

from sqlmodel import Session

from newsletter.content import events, fields, glossary, responses
from newsletter.content.dates import LONDON, london_date
from newsletter.content.events import EventDraft
from newsletter.content.responses import ResponseDraft
from subscribers import spreadsheets

_FILES = resources.files("newsletter.sample")

_THURSDAY = 3

#: The glossary is older than the sample's first edition.
_WORDS_SINCE = timedelta(days=90)


def load(session: Session, partners: dict[str, int], areas: dict[int, int], *, author_id: int, now: datetime) -> None:
    """Write all of them; partners by slug, areas by number."""
    today = london_date(now)
    for entry in _read("events"):
        draft = fields.read(EventDraft, {**_common(entry, partners, areas), **_dates(entry, today)})
        events.write(session, draft, author_id=author_id, now=now)
    for entry in _read("responses"):
        draft_of_answer = fields.read(ResponseDraft, {**_common(entry, partners, areas), **_days(entry, today)})
        responses.write(session, draft_of_answer, author_id=author_id, now=now)
    words = StringIO(_FILES.joinpath("glossary.csv").read_text(encoding="utf-8"))
    rows = spreadsheets.read(words, required=("term", "expansion", "explanation"))
    glossary.import_rows(session, rows, on=today - _WORDS_SINCE)


def _common(entry: dict[str, Any], partners: dict[str, int], areas: dict[int, int]) -> dict[str, Any]:
    """What events and responses share, and every field that is as the draft has it."""
    audiences = {f"for_{audience}": True for audience in entry["audiences"]}
    counted = {
        "audiences",
        "partner",
        "area",
        "day",
        "starts",
        "ends",
        "announced",
        "said_days",
        "from_days",
        "doing_days",
    }
    kept = {name: value for name, value in entry.items() if name not in counted}
    return {**kept, **audiences, "partner_id": partners[entry["partner"]], "priority_area_id": areas[entry["area"]]}


def _dates(entry: dict[str, Any], today: date) -> dict[str, Any]:
    day = today + timedelta(days=entry["day"])
    day += timedelta(days=(_THURSDAY - day.weekday()) % 7)
    return {
        "starts_at": datetime.combine(day, entry["starts"], LONDON),
        "ends_at": datetime.combine(day, entry["ends"], LONDON),
        "announce_from": today - timedelta(days=entry["announced"]),
    }


def _days(entry: dict[str, Any], today: date) -> dict[str, Any]:
    first, last = (today - timedelta(days=days) for days in entry["said_days"])
    doing = entry.get("doing_days")
    return {
        "period_from": first,
        "period_until": last,
        "from_date": today - timedelta(days=entry["from_days"]),
        "doing_by": None if doing is None else today + timedelta(days=doing),
    }


def _read(name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = tomllib.loads(_FILES.joinpath(f"{name}.toml").read_text(encoding="utf-8"))[name]
    return entries
