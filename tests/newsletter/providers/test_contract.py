"""What every provider promises, whichever it is: the sender relies on nothing else."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import httpx
import pytest

from newsletter.core.clock import ManualClock
from newsletter.core.errors import ConfigurationError, ProviderRefused
from newsletter.providers import notify, outbox, registry, smtp
from newsletter.providers.base import API_VERSION, MailProvider, Outcome, ProviderContext, Result, Scope
from tests.conftest import START
from tests.fakes import MailServer
from tests.newsletter.providers.notify_service import CONFIG, NotifyService
from tests.newsletter.providers.samples import MESSAGE, recipient

PEOPLE = [recipient(number) for number in range(7)]


class Carrier:
    """A provider with the far end in our hands."""

    def __init__(self, make: Callable[[], MailProvider], received: Callable[[], list[str]], breaks: Callable[[], None]):
        self.make = make
        self.received = received  # the addresses that got a message, in order
        self.breaks = breaks  # from now on the far end fails


@pytest.fixture(params=["outbox", "smtp", "notify"])
def carrier(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Carrier]:
    clock = ManualClock(START)
    if request.param == "outbox":
        directory = tmp_path / "outbox"

        def files() -> list[str]:
            texts = [path.read_text() for path in sorted(directory.glob("*.eml"))]
            return sorted(text.split("To: ")[1].split("\n")[0].strip() for text in texts)

        def break_outbox() -> None:
            directory.parent.joinpath("outbox").rename(tmp_path / "away") if directory.exists() else None
            directory.write_text("a file where the directory should be")

        yield Carrier(lambda: outbox.make(ProviderContext({}, tmp_path, clock)), files, break_outbox)
    elif request.param == "smtp":
        server = MailServer().start()
        config = {"host": "127.0.0.1", "port": str(server.port), "tls": "none", "timeout_s": "2"}
        yield Carrier(
            lambda: smtp.make(ProviderContext(config, tmp_path, clock)),
            lambda: sorted(mail.recipients[0] for mail in server.received),
            server.stop,
        )
        server.stop()
    else:
        service = NotifyService()
        yield Carrier(
            lambda: notify.make(ProviderContext(CONFIG, tmp_path, clock), transport=httpx.MockTransport(service)),
            lambda: sorted(call["email_address"] for call in service.accepted),
            service.break_down,
        )


def run(provider: MailProvider, people: list[object] | None = None) -> list[Result]:
    """Everybody, in calls as large as the provider takes."""
    everybody = PEOPLE if people is None else []
    size = provider.capabilities.max_batch

    async def send() -> list[Result]:
        results: list[Result] = []
        for start in range(0, max(len(everybody), 1), size):
            results += await provider.send(MESSAGE, everybody[start : start + size])
        await provider.aclose()
        await provider.aclose()
        return results

    return asyncio.run(send())


def test_it_is_a_provider(carrier: Carrier) -> None:
    provider = carrier.make()
    assert isinstance(provider, MailProvider)
    assert provider.api_version == API_VERSION
    assert provider.name in registry.available()
    capabilities = provider.capabilities
    assert min(capabilities.max_batch, capabilities.max_bytes, capabilities.concurrency) >= 1
    asyncio.run(provider.aclose())


def test_there_is_one_result_for_each_recipient_in_their_order_and_one_message(carrier: Carrier) -> None:
    results = run(carrier.make())
    assert [result.key for result in results] == [person.key for person in PEOPLE]
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
    assert carrier.received() == sorted(person.address for person in PEOPLE)


def test_nobody_is_nothing(carrier: Carrier) -> None:
    assert run(carrier.make(), []) == []
    assert carrier.received() == []


def test_a_far_end_that_fails_is_an_answer_and_not_an_exception(carrier: Carrier) -> None:
    provider = carrier.make()
    carrier.breaks()
    results = run(provider)
    assert [result.key for result in results] == [person.key for person in PEOPLE]
    assert {result.outcome for result in results} <= {Outcome.DEFERRED, Outcome.UNKNOWN}
    assert Scope.ACCOUNT in {result.scope for result in results}
    assert all(result.detail and "@" not in result.detail for result in results)


def test_a_check_passes_or_says_what_is_wrong_in_a_sentence(carrier: Carrier) -> None:
    async def check() -> None:
        provider = carrier.make()
        try:
            await provider.check()
        finally:
            await provider.aclose()

    asyncio.run(check())
    assert carrier.received() == []
    carrier.breaks()
    with pytest.raises(ProviderRefused, match=r"^[A-Z].*\.$"):
        asyncio.run(check())


class TestRegistry:
    """Which providers there are."""

    CONTEXT = ProviderContext({}, Path("unused"), ManualClock(START))

    def test_ours_are_known(self) -> None:
        assert registry.available() == ["notify", "outbox", "smtp"]
        assert registry.make("outbox", self.CONTEXT).name == "outbox"

    @pytest.mark.parametrize("name", ["pigeon", "base", "http", "public_web", "registry", "wire", ""])
    def test_an_unknown_name_lists_the_known_ones(self, name: str) -> None:
        with pytest.raises(ConfigurationError, match="notify, outbox, smtp"):
            registry.make(name, self.CONTEXT)

    def installed(self, *factories: object, name: str = "acme") -> object:
        points = []
        for factory in factories:
            point = mock.Mock()
            point.name = name
            point.load.return_value = factory
            points.append(point)
        return mock.patch.object(registry, "entry_points", return_value=points)

    def test_third_parties_may_bring_their_own(self) -> None:
        theirs = mock.Mock(api_version=API_VERSION)
        with self.installed(lambda context: theirs):  # type: ignore[attr-defined]
            assert registry.make("acme", self.CONTEXT) is theirs
            assert "acme" in registry.available()

    def test_two_of_one_name_are_refused(self) -> None:
        with self.installed(mock.Mock(), mock.Mock()), pytest.raises(ConfigurationError, match="More than one"):  # type: ignore[attr-defined]
            registry.make("acme", self.CONTEXT)
        with self.installed(mock.Mock(), name="smtp"), pytest.raises(ConfigurationError, match="More than one"):  # type: ignore[attr-defined]
            registry.make("smtp", self.CONTEXT)

    def test_one_written_for_another_version_is_refused(self) -> None:
        with self.installed(lambda context: mock.Mock(api_version=99)):  # type: ignore[attr-defined]
            with pytest.raises(ConfigurationError, match="version 99"):
                registry.make("acme", self.CONTEXT)


def test_the_outbox_never_writes_half_a_file_and_shows_a_copy_sent_twice(tmp_path: Path) -> None:
    clock = ManualClock(START)
    provider = outbox.make(ProviderContext({}, tmp_path, clock))

    async def twice() -> None:
        await provider.send(MESSAGE, PEOPLE[:1])
        await provider.send(MESSAGE, PEOPLE[:1])

    asyncio.run(twice())
    names = sorted(path.name for path in (tmp_path / "outbox").iterdir())
    assert len(names) == 2
    assert all("key-0" in name and name.startswith("20261103T090000") and name.endswith(".eml") for name in names)
    with mock.patch.object(Path, "replace", side_effect=OSError(28, "No space left on device")):
        result = asyncio.run(provider.send(MESSAGE, PEOPLE[1:2]))[0]
    assert (result.outcome, result.scope) == (Outcome.DEFERRED, Scope.ACCOUNT)
    assert sorted(path.name for path in (tmp_path / "outbox").iterdir()) == names
