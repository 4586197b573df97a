"""The one HTTP client that providers use: time-outs set, redirects refused, the transport injectable for tests."""

import httpx

#: Connecting is quick or hopeless; an answer may take a while.
TIMEOUT = httpx.Timeout(30.0, connect=10.0)


def client(
    base_url: str,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    timeout: httpx.Timeout = TIMEOUT,
    trust_env: bool = True,
) -> httpx.AsyncClient:
    """A client for one service. The caller closes it. `trust_env`: through the proxy that the environment names."""
    return httpx.AsyncClient(
        base_url=base_url,
        transport=transport,
        timeout=timeout,
        follow_redirects=False,
        trust_env=trust_env,
        headers={"User-Agent": "send-newsletter"},
    )


def was_not_written(error: httpx.RequestError) -> bool:
    """Whether the failure came before the request was on its way, so that it cannot have been acted upon."""
    return isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol))
