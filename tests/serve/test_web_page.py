"""The web page, in a real browser."""

from __future__ import annotations

import itertools
import json
import os
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tagsmith.serve.web_page import TAGGING_PAGE, WebPage
from tests.support.browsing import saved, spans, type_text, until
from tests.support.running import Running, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def test_spans_are_marked_as_one_types(page: Page):
    page.fill("#text", "")
    page.type("#text", "Mira Okafor left India.")
    until(page, "document.querySelector('#answer').textContent.includes('Okafor PER left India')")
    assert spans(page) == ["Mira Okafor PER", "India LOC"]
    assert str(page.locator(".span").first.get_attribute("aria-label")).startswith("Mira Okafor PER, ")
    until(page, "document.querySelector('#status').textContent.includes('5 tokens · 2 spans')")


def test_confidence_is_shown_on_hover_and_on_focus(page: Page):
    page.hover(".span >> nth=0")
    assert page.inner_text("#tip").split()[0] == "PER"
    assert "%" in page.inner_text("#tip")
    page.hover("h1")
    assert not page.is_visible("#tip")
    page.focus(".span >> nth=1")
    assert page.is_visible("#tip")
    page.focus("#text")
    page.hover(".span >> nth=0")
    assert page.is_visible("#tip")
    assert page.evaluate("show() || document.querySelector('#tip').hidden")  # its span is gone


def test_the_slider_hides_less_confident_spans(page: Page):
    page.select_option("#model", "random")
    type_text(page, "word1 word2 word3 word4 word5 word6 word7 word8")
    until(page, "document.querySelectorAll('.span').length > 1")
    before = len(spans(page))
    text = page.locator("#answer .doc").evaluate("box => { box.mine = true; return box.textContent; }")
    page.focus("#threshold")
    page.keyboard.press("End")
    assert page.inner_text("#bound") == "99 %"
    assert len(spans(page)) < before
    assert page.inner_text("#answer").startswith("word1")
    page.keyboard.press("Home")
    assert len(spans(page)) == before
    assert page.locator("#answer .doc").evaluate("box => box.mine ? box.textContent : ''") == text  # not rebuilt


def test_markup_in_a_text_is_shown_as_text(page: Page):
    evil = '<img src=x onerror=alert(1)><script>alert(2)</script> Jay </textarea> & "India"'
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    type_text(page, evil)
    until(page, "document.querySelectorAll('.span').length === 2")
    assert page.locator("#answer img, #answer script").count() == 0
    assert "<script>alert(2)</script>" in page.inner_text("#answer")
    html = saved(page, "[data-save=html]:not([data-corrections])")
    assert "<script" not in html
    assert "<img" not in html
    assert "color-scheme:light dark" in html


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
    assert page.inner_text("#file-name") == "texts.txt · 120 texts"
    assert not page.is_visible("#text")
    page.click("#close")
    until(page, "document.querySelectorAll('.doc').length === 1")
    assert page.input_value("#text") == "Jay is from India."


def test_a_bad_line_of_a_file_fails_alone(page: Page, tmp_path: Path):
    texts = ["Jay left.", "", "Jay " * 3000, "x" * 200_000, *(f"Mira Okafor left {i}." for i in range(70))]
    (tmp_path / "texts.txt").write_text("\n".join(texts), "utf-8")
    page.set_input_files("#file", tmp_path / "texts.txt")
    until(page, "document.querySelector('#status').textContent.startsWith('71 texts')")
    failed = page.locator("#failed li").all_inner_texts()
    assert [line.partition(":")[0] for line in failed] == ["line 3", "line 4"]
    assert "found more than 2000 tokens" in failed[0]
    assert len(saved(page, "[data-save=jsonl]:not([data-corrections])").splitlines()) == 71
    (tmp_path / "texts.jsonl").write_text('{"tokens": ["Jay"]}\n{"txt": 1}\nJay\n{"text": "Jay"}', "utf-8")
    page.set_input_files("#file", tmp_path / "texts.jsonl")
    until(page, "document.querySelector('#status').textContent.startsWith('2 texts')")
    assert [line[:7] for line in page.locator("#failed li").all_inner_texts()] == ["line 2:", "line 3:"]


def test_tokens_other_keys_and_rules_of_json_lines_are_kept(page: Page, tmp_path: Path):
    given = [
        {"id": 7, "tokens": ["Jay", "Smith", "left."]},
        {"id": 8, "text": "Smith left.", "rules": [{"tokens": ["Smith"], "label": "PER"}]},
    ]
    (tmp_path / "texts.jsonl").write_text("\n".join(map(json.dumps, given)), "utf-8")
    page.set_input_files("#file", tmp_path / "texts.jsonl")
    until(page, "document.querySelectorAll('.span').length === 2")
    lines = [json.loads(line) for line in saved(page, "[data-save=jsonl]:not([data-corrections])").splitlines()]
    assert [line["id"] for line in lines] == [7, 8]
    assert lines[0]["tokens"] == given[0]["tokens"]
    assert [line["tags"] for line in lines] == [["B-PER", "O", "O"], ["B-PER", "O", "O"]]
    assert "rules" in lines[1]


@pytest.mark.parametrize(("content", "said"), [(b"Jay\xff", "not UTF-8 text"), (b" \n", "is empty")])
def test_a_file_without_text_is_refused(page: Page, tmp_path: Path, content: bytes, said: str):
    (tmp_path / "some.txt").write_bytes(content)
    page.set_input_files("#file", tmp_path / "some.txt")
    page.wait_for_selector("#status.bad")
    assert said in page.inner_text("#status")
    assert spans(page) == ["Jay PER", "India LOC"]


def test_an_old_result_is_disabled_while_the_service_can_not_be_reached(page: Page):
    page.route("**/v1/**", lambda route: route.abort())
    page.fill("#text", "Mira Okafor left.")
    page.wait_for_selector("#status.bad")
    assert "can't be reached" in page.inner_text("#status")
    assert "old" in str(page.get_attribute("#answer", "class"))
    assert page.evaluate("document.querySelector('#answer').inert")  # nor can it be corrected
    assert page.locator("[data-save]:not([data-corrections]):enabled").count() == 0
    above, answer = page.locator("#status").bounding_box(), page.locator("#answer").bounding_box()
    assert above is not None
    assert answer is not None
    assert above["y"] < answer["y"]
    page.unroute("**/v1/**")
    until(page, "document.querySelectorAll('.span').length === 1")  # it retries by itself
    assert page.get_attribute("#answer", "class") == ""
    assert page.locator("[data-save]:not([data-corrections]):disabled").count() == 0


def test_plain_tags_mark_every_word(page: Page):
    page.select_option("#model", "pos")
    type_text(page, "Jay is")
    until(page, "document.querySelector('#answer').textContent.includes('is VERB')")
    assert spans(page) == ["Jay NOUN", "is VERB"]
    assert page.is_disabled("#threshold")
    assert "no tag can be hidden" in str(page.get_attribute("#confidence", "title"))
    assert page.is_disabled("#mark")
    page.locator("#threshold").evaluate(
        "slider => { slider.max = 2; slider.value = 2; }"
    )  # as another model may have left it
    assert json.loads(saved(page, "[data-save=jsonl]:not([data-corrections])"))["tags"] == ["NOUN", "VERB"]


def test_text_that_runs_from_right_to_left(page: Page):
    type_text(page, "زار Jay الأمم")
    direction = "element => getComputedStyle(element).direction"
    assert page.locator("#answer .doc").evaluate(direction) == page.locator("#text").evaluate(direction) == "rtl"


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1280, "light")])
def test_the_page_fits_the_screen(browser: Browser, service: Running, width: int, scheme: Literal["light", "dark"]):
    context = browser.new_context(viewport={"width": width, "height": 700}, color_scheme=scheme)
    page = context.new_page()
    page.goto(service.url)
    middles = [
        box["y"] + box["height"] / 2
        for part in ("h1", "#model", "header a")
        if (box := page.locator(part).bounding_box())
    ]
    assert max(middles) - min(middles) < 8  # the header is one line
    type_text(page, "x" * 300 + " Jay")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_a_service_with_keys_asks_for_one(browser: Browser, model_files: Path):
    with running(model_files / "ner.safetensors", env={"TAGSMITH_API_KEYS": "0123456789abcdef"}) as locked:
        page = browser.new_page()
        page.goto(locked.url)
        page.wait_for_selector("#lock:not([hidden])")
        page.fill("#text", "Jay is from India.")
        for wrong, said in (("ключ", "Not a valid key"), ("fedcba9876543210", "does not accept")):
            page.fill("#key", wrong)
            page.press("#key", "Enter")
            until(page, f"document.querySelector('#status').textContent.includes('{said}')")
            assert page.is_visible("#lock")
            assert page.evaluate("document.activeElement.id") == "key"
        page.fill("#key", "0123456789abcdef")
        page.press("#key", "Enter")
        page.wait_for_selector(".span")
        assert not page.is_visible("#lock")
        page.close()


def test_the_policy_forbids_everything_from_elsewhere(service: Running):
    answer = service.get("")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert len(answer.content) <= 100_000
    assert "http" not in TAGGING_PAGE.html.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_labels_are_readable_and_distinct(browser: Browser, service: Running, scheme: Literal["light", "dark"]):
    """Checks 24 labels: the contrast of names and tints, and the distance between tints, as rendered."""
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(service.url)
    colours = page.evaluate("""() => {
        const canvas = document.createElement("canvas").getContext("2d");
        const seen = name => {
            canvas.fillStyle = name;
            canvas.fillRect(0, 0, 1, 1);
            return [...canvas.getImageData(0, 0, 1, 1).data];
        };
        return Array.from({length: 24}, (_, i) => {
            const one = tint(make("span", {className: "chip"}, make("b", {textContent: "X"})), "label" + i);
            document.body.append(one);
            return [seen(getComputedStyle(one).backgroundColor), seen(getComputedStyle(one.firstChild).color)];
        });
    }""")

    def light(colour: list[int]) -> float:
        red, green, blue = (((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour[:3])
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05

    for ground, ink in colours:
        low, high = sorted((light(ground), light(ink)))
        assert high / low >= 4.5
    grounds = [ground for ground, _ in colours[:17]]  # as many as there are parts of speech
    apart = [max(abs(a - b) for a, b in zip(*pair, strict=True)) for pair in itertools.combinations(grounds, 2)]
    assert min(apart) >= 10  # of 255, of red, green or blue
    context.close()


@pytest.mark.parametrize("path", ["", "docs"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, service: Running, path: str, scheme: Literal["light", "dark"]):
    """Needs axe-core (npm install axe-core), with AXE naming its axe.min.js."""
    if not (axe := os.environ.get("AXE")):
        pytest.skip("AXE does not name axe-core's axe.min.js")
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(service.url + path)
    if path == "":
        type_text(page, "Jay is from India.")
    page.add_script_tag(path=axe)
    for state in ("answered", "correcting", "unreachable") if path == "" else ("",):
        if state == "correcting":
            page.click(".span >> nth=0")
        if state == "unreachable":
            page.keyboard.press("Escape")
            page.route("**/v1/**", lambda route: route.abort())
            page.fill("#text", "Mira Okafor left.")
            page.wait_for_selector("#status.bad")
            page.wait_for_timeout(800)  # until the old answer is dim
        found = page.evaluate(
            "async () => (await axe.run()).violations.map(v => `${v.id}: ${v.nodes.map(n => n.failureSummary)}`)"
        )
        assert found == []
    context.close()


def test_a_policy_allows_exactly_the_inline_style_and_scripts():
    page = WebPage.of("<style>a{}</style><script>1</script><script>2</script>")
    script, style = page.policy.split("; ")[1:3]
    hashes = [b64encode(sha256(body).digest()).decode() for body in (b"1", b"2", b"a{}")]
    assert script == f"script-src 'sha256-{hashes[0]}' 'sha256-{hashes[1]}'"
    assert style == f"style-src 'sha256-{hashes[2]}'"
    assert "script-src 'none'; style-src 'none'" in WebPage.of("<p>").policy
    assert not re.search(r'<script src|rel="stylesheet"', TAGGING_PAGE.html)  # all are inline
