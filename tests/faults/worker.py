"""A worker process to be killed: `python -m tests.faults.worker DATABASE_URL DATA_DIR SMTP_PORT WINDOW`.

It is the sender that `newsletter worker` runs, with the machine's own clock. SIGTERM asks it to finish.
"""

import asyncio
import signal
import sys
from pathlib import Path

from newsletter.core import runtime as runtimes
from newsletter.core.runtime import Runtime
from newsletter.core.settings import Settings
from newsletter.delivery.sending import Sender
from newsletter.providers import registry
from tests.conftest import SECRET

#: Connections at once, and so windows.
CONNECTIONS = 2


def smtp_settings(port: int) -> dict[str, str]:
    return {
        "smtp_host": "127.0.0.1",
        "smtp_port": str(port),
        "smtp_tls": "none",
        "smtp_connections": str(CONNECTIONS),
        "smtp_timeout_s": "20",
    }


def build(url: str, data_dir: str, port: int) -> Runtime:
    return runtimes.build(
        Settings.model_validate(
            {
                "data_dir": Path(data_dir),
                "database_url": url,
                "secret_key": SECRET,
                "base_url": "http://news.example.org",
                "mail_provider": "smtp",
                "provider_values": smtp_settings(port),
            }
        )
    )


async def work(runtime: Runtime, window: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    provider = registry.make_configured(runtime)
    await Sender(runtime, provider, window=window).run(stop)
    await provider.aclose()


if __name__ == "__main__":
    url, data_dir, port, window = sys.argv[1:]
    asyncio.run(work(build(url, data_dir, int(port)), int(window)))
