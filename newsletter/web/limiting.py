"""How many forms one network may send, so that a program cannot fill our tables.

The network is a keyed hash that is kept for a day (REQ-29) and differs for every errand. Two people behind one
connection are one network: so the limit is wide, a second press counts twice, and what was typed is never lost.
"""

import math
from datetime import timedelta

from fastapi import Request
from sqlmodel import Session

from newsletter.core.errors import TooMany
from newsletter.core.runtime import Runtime
from newsletter.web.asked import network_address
from subscribers import identity, limits

#: A school or a training session may be one network.
FORMS_PER_HOUR = 60


def check_network(session: Session, runtime: Runtime, request: Request, errand: str) -> None:
    """Count one more form of this errand from the network of the request. Raises `TooMany`."""
    limits.take(
        session,
        identity.network_key(runtime.crypto, network_address(request), use=f"network:{errand}"),
        limit=FORMS_PER_HOUR,
        window=timedelta(hours=1),
        now=runtime.clock.now(),
    )


def sentence(problem: TooMany) -> str:
    """What the form says when it is shown again."""
    minutes = math.ceil(problem.retry_after_s / 60)
    return (
        "Too many forms came from your network. Nothing you typed is lost. "
        f"Wait {minutes} {'minute' if minutes == 1 else 'minutes'}, then press the button again"
    )
