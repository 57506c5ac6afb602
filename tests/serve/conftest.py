"""A service and a web page that many tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tagsmith import store
from tests.support.browsing import is_fault, type_text
from tests.support.handmade import lexicon_model, random_model
from tests.support.running import Running, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def model_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model whose answers are known, a model of plain tags, and one with random weights."""
    folder = tmp_path_factory.mktemp("models")
    store.save(lexicon_model(), folder / "ner.safetensors")
    store.save(lexicon_model({"jay": "NOUN", "is": "VERB"}, "plain"), folder / "pos.safetensors")
    store.save(random_model(3), folder / "random.safetensors")
    return folder


@pytest.fixture(scope="session")
def service(model_files: Path) -> Iterator[Running]:
    """A running service of these models, with small limits."""
    models = [model_files / f"{name}.safetensors" for name in ("ner", "pos", "random")]
    limits = ["--max-body", 64, "--max-texts", 50, "--max-tokens", 2000, "--timeout", 3, "--threads", 2]
    with running(*models, *limits) as started:
        yield started


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium of the system, headless."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the tests of the web page need playwright")
    names = ("chromium", "chromium-browser", "google-chrome")
    if not (chromium := next((found for name in names if (found := shutil.which(name))), None)):
        pytest.skip("the tests of the web page need Chromium")
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        yield (found := driver.chromium.launch(executable_path=chromium, args=options))
        found.close()


@pytest.fixture
def page(browser: Browser, service: Running) -> Iterator[Page]:
    """The web page. Errors and requests to elsewhere fail the test."""
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if is_fault(message) else None)
    page.on(
        "request",
        lambda request: None if request.url.startswith((service.url, "blob:", "data:")) else wrong.append(request.url),
    )
    page.goto(service.url)
    type_text(page, "Jay is from India.")
    page.wait_for_selector(".span")
    yield page
    context.close()
    assert wrong == []
