"""The clock as a process of its own: `python -m scheduler`, the same as `newsletter scheduler`."""

import signal
import sys
import threading

from sqlalchemy.exc import SQLAlchemyError

from newsletter.core import installation, logs, runtime, settings
from newsletter.core.errors import ConfigurationError
from scheduler import timetable


def main() -> int:
    """Tick until SIGTERM or SIGINT; the exit code."""
    try:
        loaded = settings.load()
        logs.configure(level=loaded.log_level, json=loaded.is_production)
        built = runtime.build(loaded)
        with built.db.transaction() as session:
            installation.check_secret(session, built.crypto, built.clock)
    except ConfigurationError as error:
        return _refuse(str(error))
    except SQLAlchemyError:
        return _refuse("The database cannot be reached or has no tables yet. Run “newsletter doctor”.")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    clock = timetable.start(built)
    stop.wait()
    timetable.stop(clock)
    built.db.dispose()
    return 0


def _refuse(sentence: str) -> int:
    sys.stderr.write(sentence + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
