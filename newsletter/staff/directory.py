"""The organisation's own directory (Microsoft Entra, or any other): signing in there by OpenID Connect Core 1.0, with
the authorization code flow, PKCE (RFC 7636) and a nonce.

Somebody is known by what never changes and is never given to another: `oid` and `tid` where the directory is Entra,
else `iss` and `sub`. Their address is not asked for, because a directory may let people choose it. Which account they
have is decided by an invitation, once.
"""

import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from newsletter.core.errors import ConfigurationError, NotAllowed

log = logging.getLogger(__name__)

#: The directory's own description of itself, and its keys, are asked for again after so long.
KNOWN_FOR_S = 3600
TIMEOUT_S = 10
_ALGORITHMS = ["RS256", "PS256", "ES256"]
#: How much the directory's clock may differ, in seconds.
_LEEWAY_S = 120


@dataclass(frozen=True, slots=True)
class Begun:
    """What has to be the same when somebody comes back."""

    state: str
    nonce: str
    verifier: str


class Directory:
    """One OpenID provider. What it says of itself is fetched when it is first needed, and kept for a while."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, name: str) -> None:
        self.issuer, self.name = issuer.rstrip("/"), name
        self._client_id, self._client_secret = client_id, client_secret
        self._known: dict[str, tuple[float, Any]] = {}

    def begin(self, redirect_uri: str) -> tuple[str, Begun]:
        """Where to send the browser, and what to remember until it comes back. Raises `NotAllowed` when the directory
        does not answer."""
        begun = Begun(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))
        with self._client(redirect_uri) as client:
            url, _state = client.create_authorization_url(
                self._described(client)["authorization_endpoint"],
                state=begun.state,
                code_verifier=begun.verifier,
                nonce=begun.nonce,
                prompt="select_account",
            )
        return str(url), begun

    def finish(self, begun: Begun, *, state: str, code: str, redirect_uri: str, now: datetime) -> str:
        """Who has come back, as text that stands for them alone. Raises `NotAllowed`."""
        if not secrets.compare_digest(state.encode(), begun.state.encode()):
            raise NotAllowed("This sign-in was begun in another window, or too long ago. Begin again.")
        with self._client(redirect_uri) as client:
            described = self._described(client)
            try:
                token = client.fetch_token(
                    described["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=begun.verifier,
                )
            except (OAuthError, OSError, ValueError) as error:
                raise NotAllowed("The directory did not confirm who you are. Begin again.") from error
            except Exception as error:  # the HTTP library's own tree
                raise _away(error) from error
            claims = self._checked(client, described, token.get("id_token", ""), begun.nonce, now)
        if claims.get("oid") and claims.get("tid"):
            return f"entra:{claims['tid']}:{claims['oid']}"
        return f"oidc:{claims['iss']}:{claims['sub']}"

    def _client(self, redirect_uri: str) -> OAuth2Client:
        return OAuth2Client(
            self._client_id,
            self._client_secret,
            scope="openid",
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_S,
            trust_env=False,
        )

    def _described(self, client: OAuth2Client) -> Mapping[str, Any]:
        described: Mapping[str, Any] = self._fetched(client, f"{self.issuer}/.well-known/openid-configuration")
        if str(described.get("issuer", "")).rstrip("/") != self.issuer:
            raise ConfigurationError("NEWSLETTER_OIDC_ISSUER is not what the directory calls itself.")
        return described

    def _checked(
        self, client: OAuth2Client, described: Mapping[str, Any], text: str, nonce: str, now: datetime
    ) -> Mapping[str, Any]:
        """The claims of an ID token that is signed, for us, of this sign-in, and good now (section 3.1.3.7)."""
        rules = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": described["issuer"]},
            aud={"essential": True, "value": self._client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        for is_fresh in (False, True):  # the directory may have changed its keys since we asked
            keys = KeySet.import_key_set(self._fetched(client, described["jwks_uri"], again=is_fresh))
            try:
                token = jwt.decode(text, keys, algorithms=_ALGORITHMS)
                rules.validate(token.claims)
                return token.claims
            except (JoseError, ValueError) as error:
                refused = error
        raise NotAllowed("The directory's answer cannot be trusted. Begin again.") from refused

    def _fetched(self, client: OAuth2Client, url: str, *, again: bool = False) -> Any:
        at, found = self._known.get(url, (0.0, None))
        if found is None or again or time.monotonic() - at > KNOWN_FOR_S:
            try:
                answer = client.request("GET", url, withhold_token=True)
                answer.raise_for_status()
                found = answer.json()
            except Exception as error:  # the HTTP library's own tree, or no JSON
                raise _away(error) from error
            self._known[url] = (time.monotonic(), found)
        return found


def _away(error: Exception) -> NotAllowed:
    log.warning("The directory does not answer", extra={"error": type(error).__name__})
    return NotAllowed("The directory does not answer at this moment. Try again in a minute.")
