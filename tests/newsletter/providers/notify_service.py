"""An imitation of GOV.UK Notify's API, for `httpx.MockTransport`: its answers are those of its documentation."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import jwt

SERVICE_ID = "26785a09-ab16-4eb0-8407-a37497a57506"
SECRET = "3d844edf-8d35-48ac-975b-e847b4f122b0"
TEMPLATE_ID = "f33517ff-2a88-4f6e-b855-c550268ce08a"
CONFIG = {
    "api_key": f"newsletter-{SERVICE_ID}-{SECRET}",
    "template_id": TEMPLATE_ID,
    "url": "https://notify.example.org",
}


def error(status: int, kind: str, message: str) -> httpx.Response:
    return httpx.Response(status, json={"status_code": status, "errors": [{"error": kind, "message": message}]})


class NotifyService:
    """Called with each request. `answer_post` may say something else, or raise, before or after keeping the mail."""

    def __init__(self) -> None:
        self.accepted: list[dict[str, Any]] = []
        self.requests: list[httpx.Request] = []
        self.before: Callable[[dict[str, Any]], httpx.Response | None] = lambda call: None
        self.after: Callable[[dict[str, Any]], httpx.Response | None] = lambda call: None
        self.template = {"type": "email", "subject": "((subject))", "body": "((body))"}
        self._broken = False

    def break_down(self) -> None:
        self._broken = True

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self._broken:
            raise httpx.ConnectError("Connection refused", request=request)
        self.requests.append(request)
        token = request.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_iat": False})
        assert claims["iss"] == SERVICE_ID
        if request.method == "GET":
            if request.url.path == "/v2/notifications":
                reference = request.url.params["reference"]
                return httpx.Response(
                    200, json={"notifications": [c for c in self.accepted if c["reference"] == reference]}
                )
            if request.url.path == f"/v2/template/{TEMPLATE_ID}":
                return httpx.Response(200, json=self.template)
            return error(404, "NoResultFound", "No result found")
        assert request.url.path == "/v2/notifications/email"
        call = json.loads(request.content)
        allowed = {"email_address", "template_id", "personalisation", "reference", "one_click_unsubscribe_url"}
        if extra := set(call) - allowed:
            return error(400, "ValidationError", f"Additional properties are not allowed ({extra} was unexpected)")
        if (answer := self.before(call)) is not None:
            return answer
        self.accepted.append({**call, "id": f"id-of-{call['reference']}"})
        if (answer := self.after(call)) is not None:
            return answer
        return httpx.Response(201, json={"id": f"id-of-{call['reference']}", "reference": call["reference"]})
