from __future__ import annotations

import json

from tagsmith.serve.refusals import RequestRefused, busy, invalid


def test_the_body_has_the_code_the_message_and_the_request_id():
    body = json.loads(RequestRefused(404, "not_found", "404 not found").body("abc"))
    assert body == {"error": {"code": "not_found", "message": "404 not found", "request_id": "abc"}}


def test_a_busy_service_says_when_to_try_again():
    assert (busy("x").status, busy("x").headers) == (503, {"Retry-After": "1"})
    assert (invalid("x").status, invalid("x").code) == (422, "invalid")
