"""Running text to sentences and tokens: what comes out, and what holds for any text at all."""

from __future__ import annotations

import time
from typing import get_args

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.segment import segment, tokenize
from tagsmith.text import TokenizerName

both = pytest.mark.parametrize("tokenizer", get_args(TokenizerName))


def words(text: str, tokenizer: TokenizerName = "words") -> list[str]:
    """The tokens as strings."""
    return [text[start:end] for start, end in tokenize(text, tokenizer)]


def sentences(text: str, tokenizer: TokenizerName = "words") -> list[str]:
    """The sentences as strings, tokens parted by spaces."""
    return [" ".join(text[start:end] for start, end in sentence) for sentence in segment(text, tokenizer)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # punctuation, and what stays whole around it
        ("U.N. official Ekeus heads for Baghdad.", "U.N. official Ekeus heads for Baghdad ."),
        ('He said: "No, thanks!" (twice)', 'He said : " No , thanks ! " ( twice )'),
        ("“Well” – ‘so’ … «oui»¿no?", "“ Well ” – ‘ so ’ … « oui » ¿ no ?"),
        ("Wait...what -- now?!", "Wait ... what -- now ? !"),
        ("===== a*b **c** ``q''", "===== a * b ** c ** `` q ''"),
        ("and/or A&B AT&T R&D's a & b", "and / or A&B AT&T R&D 's a & b"),
        ("snake_case _x_ end.Next", "snake_case _ x _ end . Next"),
        # clitics
        ("I don't, can't, won't, isn't DON'T", "I do n't , ca n't , wo n't , is n't DO N'T"),
        ("India's she'll we're they've I'd I'm", "India 's she 'll we 're they 've I 'd I 'm"),
        ("India’s don’t she’ll", "India ’s do n’t she ’ll"),
        ("O'Neill's can't've U.S.'s (NATO)'s", "O'Neill 's ca n't 've U.S. 's ( NATO ) 's"),
        ("students' 'quoted' the '90s '95", "students ' ' quoted ' the '90s ' 95"),
        ("O'Brien l'Oréal D’Angelo rock'n'roll o'clock", "O'Brien l'Oréal D’Angelo rock'n'roll o'clock"),
        # hyphens
        ("well-known Jean-Luc mid-1990s COVID-19 F-16s", "well-known Jean-Luc mid-1990s COVID-19 F-16s"),
        ("10-year-old U.S.-led pre- and post-war", "10-year-old U.S.-led pre - and post-war"),
        # abbreviations and initials
        ("Mr. J. R. Smith, Ph.D., of Acme Inc.", "Mr. J. R. Smith , Ph.D. , of Acme Inc."),
        ("J.R.R. Tolkien, e.g. at 5 p.m. in the U.S.A today", "J.R.R. Tolkien , e.g. at 5 p.m. in the U.S.A today"),
        ("No. 5 in Jan. 1996 vs. Fig. 2, p. 3", "No. 5 in Jan. 1996 vs. Fig. 2 , p. 3"),
        ("It said no. Then No.", "It said no . Then No ."),
        ("plan B.", "plan B ."),
        ("et al., etc... etc.", "et al. , etc ... etc."),
        # numbers
        ("1,000.50; 3-2; 1996-08-22; 50%; $5; 10:30.", "1,000.50 ; 3-2 ; 1996-08-22 ; 50 % ; $ 5 ; 10:30 ."),
        ("22/8/96, 1/2, .5, -1.5 (-3) +49-30-1234 €3m", "22/8/96 , 1/2 , .5 , -1.5 ( -3 ) +49-30-1234 € 3m"),
        ("1990s 19th 1990's 3, 4 5:a", "1990s 19th 1990 's 3 , 4 5 : a"),
        ("1. One\n  12. Two", "1. One 12. Two"),
        # addresses
        ("See http://x.org/a_(b)?c=d#e. Or (www.x.com), ok", "See http://x.org/a_(b)?c=d#e . Or ( www.x.com ) , ok"),
        ("bit.ly/abc! reuters.com node.js", "bit.ly/abc ! reuters.com node.js"),
        ("<jo.smith+x@mail.x.co.uk>, a@b", "< jo.smith+x@mail.x.co.uk > , a @ b"),
        ("@jo_1: #NER #1 #2pac @ home", "@jo_1 : #NER # 1 #2pac @ home"),
        # scripts
        ("В Москве, д'Артаньян.", "В Москве , д'Артаньян ."),
        ("मैं हिन्दी बोलता हूँ। १२", "मैं हिन्दी बोलता हूँ । १२"),
        ("ذهبت إلى القاهرة، نعم؟ می\u200cخواهم", "ذهبت إلى القاهرة ، نعم ؟ می\u200cخواهم"),
        ("東京タワーに行きました。", "東 京 タワーに 行 きました 。"),
        ("한국어는, 좋다.", "한국어는 , 좋다 ."),
        ("สวัสดีครับ ค่ะ", "สวัสดีครับ ค่ะ"),
        ("cafe\u0301 e\u0301te\u0301, a\u0300.\u0301b", "cafe\u0301 e\u0301te\u0301 , a\u0300 .\u0301 b"),
        # clusters
        ("👍👍🏽🇩🇪🇫🇷🇪ok", "👍 👍🏽 🇩🇪 🇫🇷 🇪 ok"),
        ("👩‍👩‍👧❤️! #️⃣ 5️⃣", "👩‍👩‍👧 ❤️ ! #️⃣ 5️⃣"),
        ("a \u0301b \u0600 c", "a \u0301 b \u0600 c"),
        # white space of any kind parts, and is no token
        (" a\tb\u00a0c\u3000d\x1ce\u2028f\r\n", "a b c d e f"),
        ("", ""),
        (" \n\t", ""),
    ],
)
def test_tokens(text: str, expected: str) -> None:
    assert words(text) == expected.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("東京タワーに行きました。", "東 京 タ ワ ー に 行 き ま し た 。"),
        ("人々は〆切をﾁｪｯｸ、ｶﾞｽもㄅㄆ", "人 々 は 〆 切 を ﾁ ｪ ｯ ｸ 、 ｶﾞ ｽ も ㄅ ㄆ"),
        # Thai, Lao, Khmer, Burmese: a consonant with its marks is one character
        ("สวัสดีครับ น้ำ", "ส วั ส ดี ค รั บ น้ำ"),
        ("ສະບາຍດີ ពេញ မြန်မာ", "ສ ະ ບ າ ຍ ດີ ពេ ញ မြ န် မ ာ"),
        # words and numbers between them stay whole, as do words of scripts with spaces
        ("iPhone15は3.5万円。Tシャツ50%引", "iPhone15 は 3.5 万 円 。 T シ ャ ツ 50 % 引"),
        ("2024年5月，Mr. O'Brien来到AT&T公司", "2024 年 5 月 ， Mr. O'Brien 来 到 AT&T 公 司"),
        ("ไทย๒๕๖๗ปี covid-19ใน", "ไ ท ย ๒๕๖๗ ปี covid-19 ใ น"),
        ("邮箱jo@x.org。见http://x.org/a查看#东京", "邮 箱 jo@x.org 。 见 http://x.org/a 查 看 # 东 京"),
        ("한국어는 좋다, हिन्दी और Москва", "한국어는 좋다 , हिन्दी और Москва"),
        ("⼀𠀀〇二👍🏽", "⼀ 𠀀 〇 二 👍🏽"),
        ("Don't go.", "Do n't go ."),
        ("", ""),
    ],
)
def test_characters(text: str, expected: str) -> None:
    assert words(text, "characters") == expected.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "東京に行く。「いい！」と言う？！a。b",
            ["東 京 に 行 く 。", "「 い い ！ 」", "と 言 う ？ ！", "a 。", "b"],
        ),
        ("ดีไหม? ดี! ไป\n\nมา", ["ดี ไ ห ม ?", "ดี !", "ไ ป", "ม า"]),
        ("版本3.5好。OK. Next", ["版 本 3.5 好 。", "OK .", "Next"]),
    ],
)
def test_sentences_of_characters(text: str, expected: list[str]) -> None:
    assert sentences(text, "characters") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four… Five", ["One .", "Two !", "Three ?", "Four …", "Five"]),
        ("What?! No... Yes.", ["What ? !", "No ...", "Yes ."]),
        ('"Go." "No!" (He left.) [So.] Then', ['" Go . "', '" No ! "', "( He left . )", "[ So . ]", "Then"]),
        ("“Hi.” «Oui.» Fin", ["“ Hi . ”", "« Oui . »", "Fin"]),
        ('"Stop!" he said. yes', ['" Stop ! " he said . yes']),
        ("Up 3.5 to 10.2. $5 more. @jo. 7 men.", ["Up 3.5 to 10.2 .", "$ 5 more .", "@jo .", "7 men ."]),
        ("Mr. Smith met Dr. He and J. R. Jones.", ["Mr. Smith met Dr. He and J. R. Jones ."]),
        ("In the U.S. Senate. In the U.S. The men", ["In the U.S. Senate .", "In the U.S.", "The men"]),
        ("Acme Inc. Chairman left Acme Inc. He went.", ["Acme Inc. Chairman left Acme Inc.", "He went ."]),
        ("Plan B. The end. So did I.", ["Plan B .", "The end .", "So did I ."]),
        ("It is no. 1. No. 2 is it.", ["It is no .", "1 .", "No. 2 is it ."]),
        ("1. First. 2 more\n2. Second", ["1. First .", "2 more 2. Second"]),
        ("One line\nand the next. Done", ["One line and the next .", "Done"]),
        ("A title\n\nMr.\r\n\r\nend \n \t\n x", ["A title", "Mr.", "end", "x"]),
        ("See x.org. Or www.x.org. End", ["See x.org .", "Or www.x.org .", "End"]),
        ("好。「是！」他说？！a。“b”", ["好 。", "「 是 ！ 」", "他 说 ？ ！", "a 。", "“ b ”"]),
        ("वह गया। मैं आया। أين؟ هنا", ["वह गया ।", "मैं आया ।", "أين ؟", "هنا"]),
        ("Nice! 👍 Thanks.", ["Nice !", "👍 Thanks ."]),
        ("No space.Then one", ["No space . Then one"]),
        ("\n\n", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


HARD = [
    *"aAbZn1٣. . .'’\"-@#/:,;()[]!?…。！&_%$€*=`+ \n\n\t\r\x0b\x1c\x85\u00a0\u2028\u3000é中ーきक\u094d\u0903\u0e33",
    *"\u0301\u0600\u0d4e\u200b\u200d\u200c\ufe0f\u20e3\u1100\u1161\u11a8각🇩🇪👩👍🏽\U000e0067\u00ad\ufeff\uff9e",
    *["n't", "'s", "Mr.", "U.S.", "No. ", "Inc. The ", "http://", "www.", "x.org/", "jo@x.org", "1. ", "\n \n", "\r\n"],
]
TEXTS = st.text() | st.lists(st.sampled_from(HARD) | st.characters(), max_size=40).map("".join)
SPACE = regex.compile(r"[\s\x1c-\x1f]+")


@both
@settings(deadline=None)
@given(TEXTS)
def test_tokens_are_the_text_without_its_white_space(tokenizer: TokenizerName, text: str) -> None:
    tokens = tokenize(text, tokenizer)
    places = [place for token in tokens for place in range(*token)]
    assert places == [place for place, character in enumerate(text) if not character.isspace()]
    assert all(start < end for start, end in tokens)
    assert not any(character.isspace() for start, end in tokens for character in text[start:end])


@settings(deadline=None)
@given(TEXTS)
def test_characters_only_cut_what_words_are(text: str) -> None:
    cut, whole = tokenize(text, "characters"), tokenize(text)
    assert {start for start, _ in cut} >= {start for start, _ in whole}
    assert {end for _, end in cut} >= {end for _, end in whole}
    if not regex.search(r"[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{LB=SA}]", text, regex.V1):
        assert cut == whole


@both
@settings(deadline=None)
@given(TEXTS)
def test_tokens_split_no_grapheme_cluster(tokenizer: TokenizerName, text: str) -> None:
    bounds = {cluster.start() for cluster in regex.finditer(r"\X", text)} | {len(text)}
    beside_space = {place for space in SPACE.finditer(text) for place in space.span()}
    assert (bounds | beside_space).issuperset(bound for token in tokenize(text, tokenizer) for bound in token)


@both
@settings(deadline=None)
@given(TEXTS)
def test_sentences_group_the_tokens(tokenizer: TokenizerName, text: str) -> None:
    grouped = segment(text, tokenizer)
    assert [token for sentence in grouped for token in sentence] == tokenize(text, tokenizer)
    assert all(grouped)


@both
@settings(deadline=None)
@given(TEXTS)
def test_tokens_parted_by_spaces_stay_apart(tokenizer: TokenizerName, text: str) -> None:
    tokens = words(text, tokenizer)
    joined = " ".join(tokens)
    ends = {end for _, end in tokenize(joined, tokenizer)}
    assert joined.split() == tokens
    assert ends.issuperset(len(" ".join(tokens[: count + 1])) for count in range(len(tokens)))


@both
@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_a_blank_line_ends_a_sentence(tokenizer: TokenizerName, before: str, after: str) -> None:
    middle = len(before) + 1
    for sentence in segment(f"{before}\n\n{after}", tokenizer):
        assert sentence[-1][1] < middle or sentence[0][0] > middle


@both
@pytest.mark.parametrize(
    "unit",
    [
        *["a", ".", "'", "(", '"', "-", "1", "中", "。", "🇩", "\u0301", "\u0600", "👩\u200d", " ", "\n"],
        *["a.b.", "a-", "a'", "a..", "A. ", 'A."', "1. ", "1,", "a_", "n't", "No. ", "Mr.", "! ", "?'\n"],
        *["ー", "ไทย", "aไ", "น้ำ", "東a", "\u0600ก", "ก\u0e33", "ក្រ"],
        *["#1", "a@", "@a", "a@b.", "a%", "www.", "http://", "a/", "a.bc/", "http://a("],
    ],
)
def test_time_is_linear(tokenizer: TokenizerName, unit: str) -> None:
    assert seconds(unit * (50_000 // len(unit)), tokenizer) < 3  # far below if linear, far above if quadratic


@pytest.mark.parametrize(
    ("start", "unit"),
    [
        *[("http://", "."), ("www.", "!"), ("a@", "b-"), ("a%" * 30 + "@", "b.c."), ("do", "n")],
        *[("A.", '"'), ("。", '"'), ("No.", " "), ("1.", " "), ("x.", "(\u3000"), ("x.", "\n")],
    ],
)
def test_time_is_linear_after_a_start(start: str, unit: str) -> None:
    assert seconds(start + unit * (50_000 // len(unit))) < 3


def seconds(text: str, tokenizer: TokenizerName = "words") -> float:
    """The processor time it takes to segment a text."""
    started = time.process_time()
    segment(text, tokenizer)
    return time.process_time() - started
