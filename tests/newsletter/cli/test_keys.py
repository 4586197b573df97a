"""Keys of the API, as an administrator makes, lists and revokes them."""

import re

from tests.newsletter.cli.conftest import Newsletter
from tests.newsletter.cli.test_every_command import refused


def test_a_key_is_printed_once_listed_by_its_prefix_and_revoked(demo: Newsletter) -> None:
    made = demo(
        "keys", "add", "council website", "--scope", "subscribe", "--scope", "updates:read",
        "--by", "admin@example.org", "--expires", "2999-03-31",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    text = made.stdout.splitlines()[-1]
    assert re.fullmatch(r"nl_\w{8}_[\w-]{43}", text)
    listed = demo("keys", "list")
    assert text[:11] in listed.stdout
    assert "council website  (subscribe updates:read)  works until 31 March 2999, never used" in listed.stdout
    assert text[12:] not in listed.output
    assert demo("keys", "revoke", text[:11], "--by", "admin@example.org").exit_code == 0
    assert demo("keys", "revoke", text[:11], "--by", "admin@example.org").exit_code == 0
    assert "revoked" in demo("keys", "list").stdout
    assert text[12:] not in made.stderr


def test_only_administrators_make_and_revoke_keys(demo: Newsletter) -> None:
    for by in ("author@example.org", "nobody@example.org"):
        refused(demo, "keys", "add", "website", "--scope", "subscribe", "--by", by)
        refused(demo, "keys", "revoke", "nl_aaaaaaaa", "--by", by)
    refused(demo, "keys", "revoke", "nl_aaaaaaaa", "--by", "admin@example.org")
    refused(demo, "keys", "add", "old", "--scope", "subscribe", "--by", "admin@example.org", "--expires", "2001-01-01")
    wrong = demo("keys", "add", "website", "--scope", "everything", "--by", "admin@example.org")
    assert wrong.exit_code == 2
