"""Helpers for tests of the web page in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.running import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page


def is_fault(message: ConsoleMessage) -> bool:
    """Return whether a console message is an error of the page. An unreachable service is not one."""
    return message.type == "error" and "ERR_FAILED" not in message.text


def spans(page: Page) -> list[str]:
    """Return the text and label of each marked span."""
    return [" ".join(text.split()) for text in page.locator(".span").all_inner_texts()]


def until(page: Page, expression: str) -> None:
    """Wait until an expression is true. The page's policy forbids Playwright's own way, which evaluates strings."""
    wait_for(lambda: page.evaluate(expression))


def type_text(page: Page, text: str) -> None:
    """Put a text in the box, and wait for its answer."""
    page.fill("#text", text)
    until(page, "document.querySelector('#answer').ariaBusy === 'false'")


def saved(page: Page, selector: str) -> str:
    """Return what a click on a button downloads."""
    with page.expect_download() as download:
        page.click(selector)
    return Path(download.value.path()).read_text("utf-8")
