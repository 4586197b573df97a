"""An OpenID provider in a process of its own, as far as signing in needs one: it describes itself, asks nobody for a
password, signs ID tokens with a key of its own, and checks PKCE. `python -m tests.identity_provider` says its port.

Who signs in and what the provider does wrong is told by `POST /be`, in JSON: claims that replace those it would give,
`key` "another" to sign with one that it does not publish.
"""

import hashlib
import json
import secrets
import sys
import time
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT_ID, CLIENT_SECRET = "studio", "a secret of the studio"


class Provider(BaseHTTPRequestHandler):
    keys = {
        name: RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})
        for name in ("published", "another")
    }
    codes: dict[str, dict[str, str]] = {}
    being: dict[str, Any] = {}

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        if url.path == "/.well-known/openid-configuration":
            self.answer({
                "issuer": issuer, "authorization_endpoint": f"{issuer}/authorize", "token_endpoint": f"{issuer}/token",
                "jwks_uri": f"{issuer}/keys",
            })  # fmt: skip
        elif url.path == "/keys":
            self.answer(KeySet([self.keys["published"]]).as_dict(private=False))
        elif url.path == "/authorize":
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            self.send_response(302)
            self.send_header(
                "location", f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
            )
            self.end_headers()
        else:
            self.answer({}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if self.path == "/be":
            type(self).being = json.loads(body)
            return self.answer({})
        given = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self.codes.pop(given.get("code", ""), None)
        if asked is None:
            return self.answer({"error": "invalid_grant"}, 400)
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        if urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return self.answer({"error": "invalid_grant"}, 400)
        now = int(self.being.get("now", time.time()))
        claims = {
            "iss": f"http://127.0.0.1:{self.server.server_address[1]}", "aud": CLIENT_ID, "sub": "somebody",
            "iat": now, "exp": now + 600, "nonce": asked["nonce"], **self.being.get("claims", {}),
        }  # fmt: skip
        key = self.keys[self.being.get("key", "published")]
        token = jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)
        self.answer({"access_token": "none", "token_type": "Bearer", "id_token": token})

    def answer(self, document: Any, status: int = 200) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Nobody reads it."""


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
