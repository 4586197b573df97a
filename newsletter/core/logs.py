"""Structured logs: a sentence and its fields, JSON in production, readable in development, never an email address.

Code logs ids. As a second line of defence every text in a log record, including tracebacks, is scrubbed of anything
that looks like an address or a personal link before it is written.
"""

import logging
import re
import sys
from typing import Any

import structlog

_ADDRESS = re.compile(r"[^\s<>\"'(),:;=\[\]{}/\\]+@[^\s<>\"'(),:;\[\]{}/\\]+")
_PERSONAL_LINK = re.compile(r"/(confirm|leave|manage)/[\w-]+")


def scrub(text: str) -> str:
    """The text without addresses and personal links."""
    if "@" not in text and "/" not in text:  # nearly all that mail servers say, a hundred times a window
        return text
    return _PERSONAL_LINK.sub(r"/\1/…", _ADDRESS.sub("(address)", text))


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        return {key: _scrubbed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_scrubbed(item) for item in value]
    return value if isinstance(value, (int, float, bool, type(None))) else scrub(str(value))


def _scrub_event(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {key: _scrubbed(value) if not key.startswith("_") else value for key, value in event.items()}


def configure(*, level: str = "info", json: bool = False) -> None:
    """Send our own and every library's log records to standard error through one pipeline."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _scrub_event,
    ]
    last = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if json else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for noisy in ("httpx", "httpcore", "apscheduler", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
