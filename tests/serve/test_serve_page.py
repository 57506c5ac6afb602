"""The page, in a real browser: the system's Chromium, without a window."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from running import Running, running, wait_for

from tagsmith import formats
from tagsmith.serve.page import TAGGING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

playwright = pytest.importorskip("playwright.sync_api", reason="the tests of the page need playwright")
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the tests of the page need Chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        yield (found := driver.chromium.launch(executable_path=CHROMIUM, args=options))
        found.close()


@pytest.fixture
def page(browser: Browser, service: Running) -> Iterator[Page]:
    """The page, on which nothing may go wrong unseen."""
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on(
        "request",
        lambda request: None if request.url.startswith((service.url, "blob:", "data:")) else wrong.append(request.url),
    )
    page.goto(service.url)
    page.wait_for_selector(".span")
    yield page
    context.close()
    assert wrong == []


def spans(page: Page) -> list[str]:
    return [" ".join(text.split()) for text in page.locator(".span").all_inner_texts()]


def until(page: Page, expression: str) -> None:
    """Wait until an expression is true. The page's policy forbids Playwright's own way, which evaluates strings."""
    wait_for(lambda: page.evaluate(expression))


def type_text(page: Page, text: str) -> None:
    page.fill("#text", text)
    until(page, f"document.querySelector('#answer').textContent.includes({json.dumps(text.split()[0])})")


def saved(page: Page, selector: str) -> str:
    with page.expect_download() as download:
        page.click(selector)
    return Path(download.value.path()).read_text("utf-8")


def test_spans_are_marked_as_one_types(page: Page):
    page.fill("#text", "")
    page.type("#text", "Mira Okafor left India.")
    until(page, "document.querySelectorAll('.span').length === 2")
    assert spans(page) == ["Mira Okafor PER", "India LOC"]
    assert str(page.locator(".span").first.get_attribute("aria-label")).startswith("Mira Okafor PER, ")
    assert "5 tokens · 2 spans" in page.inner_text("#status")


def test_confidence_is_shown_on_hover_and_on_focus(page: Page):
    page.hover(".span >> nth=0")
    assert page.inner_text("#tip").split()[0] == "PER"
    assert "%" in page.inner_text("#tip")
    page.hover("h1")
    assert not page.is_visible("#tip")
    page.focus(".span >> nth=1")
    assert page.is_visible("#tip")


def test_the_slider_hides_spans_that_are_less_sure(page: Page):
    page.select_option("#model", "random")
    type_text(page, "word1 word2 word3 word4 word5 word6 word7 word8")
    until(page, "document.querySelectorAll('.span').length > 1")
    before = len(spans(page))
    page.focus("#threshold")
    page.keyboard.press("End")
    assert page.inner_text("#bound") == "99 %"
    assert len(spans(page)) < before
    assert page.inner_text("#answer").startswith("word1")


def test_other_readings_can_be_chosen(page: Page):
    page.select_option("#model", "random")
    type_text(page, "word1 word2 word3")
    page.click(".more")
    readings = page.locator("#best button")
    assert readings.count() == 3
    readings.nth(2).click()
    assert page.inner_text("#corrected") == "1"


def test_a_span_is_corrected_with_the_keyboard_and_saved_to_train_on(page: Page, tmp_path: Path):
    type_text(page, "😀 Jay Smith left India. Fine.")
    until(page, "document.querySelectorAll('.span').length === 2")
    page.focus(".span >> nth=0")
    page.keyboard.press("Enter")
    assert page.inner_text("#quote") == "Jay"
    page.click("text=Word after in")
    assert page.inner_text("#quote") == "Jay Smith"
    page.focus("#labels input:checked")
    page.keyboard.press("1")  # LOC
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#corrected').textContent === '1'")
    assert spans(page) == ["Jay Smith LOC", "India LOC"]
    lines = saved(page, "[data-save=jsonl][data-corrections]")
    assert [span["start"] for span in json.loads(lines)["spans"]] == [2, 17]  # code points, not JavaScript's units
    for form, text in (("jsonl", lines), ("conll", saved(page, "[data-save=conll][data-corrections]"))):
        file = tmp_path / f"corrections.{form}"
        file.write_text(text, "utf-8")
        read = [(sentence.tokens, sentence.tags) for sentence in formats.read(file)]
        assert read == [
            (("😀", "Jay", "Smith", "left", "India", "."), ("O", "B-LOC", "I-LOC", "O", "B-LOC", "O")),
            (("Fine", "."), ("O", "O")),
        ]
    type_text(page, "India")
    type_text(page, "😀 Jay Smith left India. Fine.")
    until(page, "document.querySelectorAll('.span.fixed').length === 1")  # it is remembered
    page.click("#forget")
    until(page, "document.querySelectorAll('.span.fixed').length === 0")


def test_words_that_were_selected_are_labelled(page: Page):
    type_text(page, "the Red Cross left")
    page.evaluate("document.querySelector('#text').setSelectionRange(5, 12)")
    page.focus("#text")
    page.keyboard.press("Control+Enter")
    assert page.inner_text("#quote") == "Red Cross"
    page.check("#labels input[value=PER]")
    page.click("#edit .primary")
    until(page, "document.querySelectorAll('.span').length === 1")
    assert spans(page) == ["Red Cross PER"]
    box = page.locator("#answer .doc > span", has_text="left").bounding_box()
    assert box is not None
    page.mouse.dblclick(box["x"] + 5, box["y"] + box["height"] / 2)
    page.wait_for_selector("#edit[open]")
    assert page.inner_text("#quote") == "left"
    page.keyboard.press("Escape")
    assert spans(page) == ["Red Cross PER"]


def test_a_text_that_looks_like_markup_is_text(page: Page):
    evil = '<img src=x onerror=alert(1)><script>alert(2)</script> Jay </textarea> & "India"'
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    type_text(page, evil)
    until(page, "document.querySelectorAll('.span').length === 2")
    assert page.locator("#answer img, #answer script").count() == 0
    assert "<script>alert(2)</script>" in page.inner_text("#answer")
    html = saved(page, "[data-save=html]:not([data-corrections])")
    assert "<script" not in html
    assert "<img" not in html


def test_a_file_is_tagged_and_downloaded(page: Page, tmp_path: Path):
    texts = [f"Jay left India {i} times." for i in range(120)]
    (tmp_path / "texts.txt").write_text("\n".join(texts), "utf-8")
    page.set_input_files("#file", tmp_path / "texts.txt")
    until(page, "document.querySelector('#status').textContent.startsWith('120 texts')")
    assert page.locator("#answer .doc").count() == 100
    assert "and 20 more texts" in page.inner_text("#answer")
    lines = [json.loads(line) for line in saved(page, "[data-save=jsonl]:not([data-corrections])").splitlines()]
    assert [line["text"] for line in lines] == texts
    assert [span["label"] for span in lines[-1]["spans"]] == ["PER", "LOC"]
    (tmp_path / "texts.jsonl").write_text('{"tokens": ["Jay"]}\n{"txt": 1}', "utf-8")
    page.set_input_files("#file", tmp_path / "texts.jsonl")
    page.wait_for_selector("#status.bad")
    assert "texts.jsonl:2: expected" in page.inner_text("#status")


def test_plain_tags_stand_at_every_word(page: Page):
    page.select_option("#model", "pos")
    type_text(page, "Jay is")
    until(page, "document.querySelectorAll('.span').length === 2")
    assert spans(page) == ["Jay NOUN", "is VERB"]


def test_text_that_runs_from_right_to_left(page: Page):
    type_text(page, "زار Jay الأمم")
    direction = "element => getComputedStyle(element).direction"
    assert page.locator("#answer .doc").evaluate(direction) == page.locator("#text").evaluate(direction) == "rtl"


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1280, "light")])
def test_nothing_is_wider_than_the_screen(
    browser: Browser, service: Running, width: int, scheme: Literal["light", "dark"]
):
    context = browser.new_context(viewport={"width": width, "height": 700}, color_scheme=scheme)
    page = context.new_page()
    page.goto(service.url)
    page.wait_for_selector(".span")
    type_text(page, "x" * 300 + " Jay")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_a_service_with_keys_asks_for_one(browser: Browser, model_files: Path):
    with running(model_files / "ner.safetensors", env={"TAGSMITH_API_KEYS": "0123456789abcdef"}) as locked:
        page = browser.new_page()
        page.goto(locked.url)
        page.wait_for_selector("#lock:not([hidden])")
        page.fill("#key", "0123456789abcdef")
        page.press("#key", "Enter")
        page.wait_for_selector(".span")
        page.close()


def test_the_policy_lets_nothing_in_from_elsewhere(service: Running):
    answer = service.get("")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert len(answer.content) <= 100_000
    assert "http" not in TAGGING.html.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("path", ["", "docs"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, service: Running, path: str, scheme: Literal["light", "dark"]):
    """Where axe-core is installed (npm install axe-core; AXE names its axe.min.js)."""
    if not (axe := os.environ.get("AXE")):
        pytest.skip("AXE does not name axe-core's axe.min.js")
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(service.url + path)
    page.add_script_tag(path=axe)
    for opened in (False, True) if path == "" else (False,):
        if opened:
            page.click(".span >> nth=0")
        found = page.evaluate(
            "async () => (await axe.run()).violations.map(v => `${v.id}: ${v.nodes.map(n => n.failureSummary)}`)"
        )
        assert found == []
    context.close()
