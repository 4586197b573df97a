"""The end of a story: what the mail server received, held against what the ledger says of every reader.

One copy for each `accepted`, one at most for each `unknown`, none for anybody else; nobody without a final state; and
the counts that the product keeps are those of its rows.
"""

import json
from collections import Counter

from tests.faults import tally
from tests.faults.installation import Installation

#: What is over for good.
FINAL = {"accepted", "rejected", "unknown"}


def give(here: Installation, fault: str, caused: int, *, unknown_at_most: int, rejected: int = 0) -> Counter[str]:
    """Add a row to the table, whatever it says; then insist. Returns how many copies are in each state."""
    here.end_workers()
    subjects = dict(here.ask("SELECT id, frozen_subject FROM edition"))
    rows = here.ask("SELECT edition_id, subscriber_id, state FROM delivery WHERE edition_id IS NOT NULL")
    ledger = {(subjects[edition], here.readers[reader]): state for edition, reader, state in rows}
    copies, states = here.server.copies, Counter(ledger.values())
    lost = sorted(key for key, state in ledger.items() if state == "accepted" and not copies[key])
    doubled = sorted(key for key, number in copies.items() if number > 1)
    unfounded = sorted(key for key in copies if copies[key] and ledger.get(key) not in ("accepted", "unknown"))
    tally.ROWS.append(
        tally.Row(
            fault=fault,
            database=here.database,
            caused=caused,
            recipients=len(ledger),
            received=copies.total(),
            lost=len(lost),
            doubled=len(doubled),
            unknown=states["unknown"],
        )
    )
    assert lost == [], "accepted by the ledger and not received"
    assert doubled == [], "received more than once"
    assert unfounded == [], "received by somebody of whom the ledger says otherwise"
    assert here.server.for_somebody_else == []
    assert here.server.broken == []
    assert len(rows) == len(ledger) == len(here.readers) * len(subjects), "one row for each reader and edition"
    assert set(states) <= FINAL, states
    assert set(here.edition_states()) == {"sent"}
    assert states["unknown"] <= unknown_at_most, states
    assert states["rejected"] == rejected, states
    for edition in here.editions:
        _kept_counts_are_right(here, edition)
    return states


def _kept_counts_are_right(here: Installation, edition: int) -> None:
    question = "SELECT state, COUNT(*) FROM delivery WHERE edition_id = :edition GROUP BY state"
    counted = dict(here.ask(question, edition=edition))
    said = json.loads(here.command("edition", "status", edition, "--json"))
    assert {state: number for state, number in said["counts"].items() if number} == counted
    assert said["recipients"] == sum(counted.values()) == len(here.readers)
