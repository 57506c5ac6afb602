"""Web pages as one response each: style and scripts are inline, and a policy keeps browsers from running others."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from starlette.responses import Response


@dataclass(frozen=True)
class WebPage:
    """A page, and the content security policy under which only its own style and scripts run."""

    html: str
    policy: str

    @classmethod
    def of(cls, html: str) -> WebPage:
        """Return a page whose policy allows exactly the style and the scripts in it."""
        policy = "; ".join(
            [
                "default-src 'none'",
                *(f"{kind}-src {_sources(kind, html)}" for kind in ("script", "style")),
                "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ]
        )
        return cls(html, policy)

    def response(self) -> Response:
        """Return the response that shows the page."""
        headers = {
            "Content-Security-Policy": self.policy,
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": "no-cache",
        }
        return Response(self.html, media_type="text/html", headers=headers)


def inlined(name: str) -> str:
    """Return a page of the package with the style sheets and scripts that it links to inline."""
    html = _asset(name)
    html = re.sub(r'<link rel="stylesheet" href="([\w.]+)">', lambda m: f"<style>\n{_asset(m[1])}</style>", html)
    return re.sub(r'<script src="([\w.]+)"></script>', lambda m: f"<script>\n{_asset(m[1])}</script>", html)


def _asset(name: str) -> str:
    return (files("tagsmith.serve") / "pages" / name).read_text("utf-8")


def _sources(element: str, html: str) -> str:
    """Return the hashes of what is in elements of a kind, as a policy lists them."""
    bodies = re.findall(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
    return " ".join(f"'sha256-{_hash(body)}'" for body in bodies) or "'none'"


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


TAGGING_PAGE = WebPage.of(inlined("tagging.html"))
"""The page at /, on which people tag texts."""
