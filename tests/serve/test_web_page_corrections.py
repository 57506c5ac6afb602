"""Corrections made on the web page, and how they are saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tagsmith import formats
from tests.support.browsing import saved, spans, type_text, until

if TYPE_CHECKING:
    from playwright.sync_api import Page


def relabel(page: Page, span: str, label: str) -> None:
    page.click(f".span:has-text('{span}')")
    page.check(f"#labels input[value='{label}']")
    page.click("#edit .primary")
    until(page, "!document.querySelector('#edit').open")
    page.evaluate("new Promise(done => setTimeout(done, 50))")  # the event that it closed comes after


def corrections(page: Page) -> list[str]:
    """Return the sentences of the saved training file."""
    if page.is_disabled("[data-save=jsonl][data-corrections]"):
        return []
    return [
        " ".join(json.loads(line)["tokens"]) for line in saved(page, "[data-save=jsonl][data-corrections]").splitlines()
    ]


def test_alternatives_can_be_chosen(page: Page):
    page.select_option("#model", "random")
    type_text(page, "word1 word2 word3")
    page.click(".more")
    readings = page.locator("#alternatives button")
    assert readings.count() == 3
    assert readings.nth(0).evaluate("one => one === document.activeElement")
    page.keyboard.press("Escape")
    assert page.locator(".more").evaluate("one => one === document.activeElement")
    page.click(".more")
    readings.nth(2).click()
    assert page.inner_text("#corrected") == "1"
    assert page.evaluate("document.querySelector('#answer').contains(document.activeElement)")
    page.click(".more")
    readings.nth(0).click()  # the model's prediction
    assert page.inner_text("#corrected") == "0"


def test_a_span_is_corrected_with_the_keyboard_and_saved_to_train_on(page: Page, tmp_path: Path):
    type_text(page, "😀 Jay Smith left India. Fine.")
    until(page, "document.querySelectorAll('.span').length === 2")
    page.focus(".span >> nth=0")
    page.keyboard.press("Enter")
    assert page.inner_text("#quote") == "Jay"
    page.click("text=Extend right")
    assert page.inner_text("#quote") == "Jay Smith"
    page.focus("#labels input:checked")
    page.keyboard.press("1")  # LOC
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#corrected').textContent === '1'")
    assert spans(page) == ["Jay Smith LOC", "India LOC"]
    assert page.evaluate("document.activeElement.textContent.startsWith('Jay Smith')")
    for form in ("jsonl", "conll"):
        file = tmp_path / f"corrections.{form}"
        file.write_text(saved(page, f"[data-save={form}][data-corrections]"), "utf-8")
        read = [(sentence.tokens, sentence.tags) for sentence in formats.read(file)]
        assert read == [(("😀", "Jay", "Smith", "left", "India", "."), ("O", "B-LOC", "I-LOC", "O", "B-LOC", "O"))]
    spans_of = json.loads(saved(page, "[data-save=jsonl]:not([data-corrections])"))["spans"]
    places = [(span["start_char"], span["end_char"], span["text"]) for span in spans_of]
    assert places == [(2, 11, "Jay Smith"), (17, 22, "India")]  # code points, not JavaScript's units
    type_text(page, "India")
    type_text(page, "😀 Jay Smith left India. Fine.")
    until(page, "document.querySelectorAll('.span.corrected').length === 1")  # it is remembered
    page.click("#discard")
    until(page, "document.querySelectorAll('.span.corrected').length === 0")


def test_only_corrections_of_the_chosen_model_are_saved(page: Page):
    relabel(page, "India", "PER")
    until(page, "document.querySelector('#corrected').textContent === '1'")
    page.select_option("#model", "pos")
    until(page, "document.querySelectorAll('.span').length === 5")
    assert page.inner_text("#corrected") == "0"
    relabel(page, "from", "VERB")
    until(page, "document.querySelector('#corrected').textContent === '1'")
    assert json.loads(saved(page, "[data-save=jsonl][data-corrections]"))["tags"] == ["NOUN", "VERB", "VERB", "O", "O"]
    page.select_option("#model", "ner")
    until(page, "document.querySelectorAll('.span').length === 2")
    line = json.loads(saved(page, "[data-save=jsonl][data-corrections]"))
    assert line["tags"] == ["B-PER", "O", "O", "B-PER", "O"]


def test_a_correction_follows_its_sentence(page: Page):
    type_text(page, "Jay left India. Mira Okafor came.")
    until(page, "document.querySelectorAll('.span').length === 3")
    relabel(page, "Jay", "LOC")
    page.focus("#text")
    page.keyboard.press("Control+End")
    page.keyboard.type(" Jay too.")
    until(page, "document.querySelectorAll('.span').length === 4")
    assert page.locator(".span.corrected").count() == 1
    assert corrections(page) == ["Jay left India ."]
    page.focus("#text")
    page.keyboard.press("Control+Home")
    page.keyboard.type("Now ")
    until(page, "document.querySelector('#corrected').textContent === '0'")
    assert corrections(page) == []
    page.focus("#text")
    for _ in "Now ":
        page.keyboard.press("Backspace")
    until(
        page, "document.querySelectorAll('.span.corrected').length === 1"
    )  # the sentence is back, with its correction
    page.keyboard.press("Control+A")
    page.keyboard.type("Mira Okafor left.")  # another text
    until(page, "document.querySelectorAll('.span').length === 1")
    assert corrections(page) == ["Jay left India ."]


def test_corrections_can_be_undone(page: Page):
    relabel(page, "India", "PER")
    relabel(page, "India", "LOC")  # the model's prediction
    until(page, "document.querySelector('#corrected').textContent === '0'")
    page.click("#undo")
    assert spans(page) == ["Jay PER", "India PER"]
    page.focus("#answer")
    page.keyboard.press("Control+Z")
    assert spans(page) == ["Jay PER", "India LOC"]
    assert page.is_disabled("#undo")
    assert page.inner_text("#corrected") == "0"


def test_leaving_asks_while_corrections_are_not_saved(page: Page):
    asks = "!dispatchEvent(new Event('beforeunload', {cancelable: true}))"
    assert not page.evaluate(asks)
    relabel(page, "India", "PER")
    assert page.evaluate(asks)
    saved(page, "[data-save=conll][data-corrections]")
    assert not page.evaluate(asks)


def test_selected_words_are_labelled(page: Page):
    type_text(page, "the Red Cross left")
    page.evaluate("document.querySelector('#text').setSelectionRange(5, 12)")
    page.focus("#text")
    page.keyboard.press("Meta+Enter")
    assert page.inner_text("#quote") == "Red Cross"
    assert page.locator("#labels input:checked").count() == 0
    page.keyboard.press("Enter")
    assert page.is_visible("#edit")  # nothing is chosen yet
    assert page.locator("#labels kbd").all_inner_texts() == ["1", "2", "3"]
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
