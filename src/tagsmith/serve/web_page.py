"""Pages as one response each: style and script inside, nothing fetched from elsewhere, and a policy that says so."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from starlette.responses import Response


@dataclass(frozen=True)
class WebPage:
    """A page, and the policy under which a browser runs only the style and the script that are in it."""

    html: str
    policy: str

    @classmethod
    def of(cls, html: str) -> WebPage:
        """A page whose policy allows what is in it."""
        policy = "; ".join(
            [
                "default-src 'none'",
                *(f"{kind}-src {_allowed(kind, html)}" for kind in ("script", "style")),
                "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ]
        )
        return cls(html, policy)


def _allowed(element: str, html: str) -> str:
    """The hashes of what stands in these elements."""
    found = re.findall(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
    return " ".join(f"'sha256-{_hash(body)}'" for body in found) or "'none'"


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


TAGGING = WebPage.of((files("tagsmith.serve") / "page.html").read_text("utf-8"))
"""The page at /, on which people tag."""


def response(page: WebPage) -> Response:
    """The answer that shows a page."""
    headers = {
        "Content-Security-Policy": page.policy,
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }
    return Response(page.html, media_type="text/html", headers=headers)
