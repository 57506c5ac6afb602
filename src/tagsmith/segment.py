"""Split running text into sentences and tokens, as character offsets. The text is never changed.

Tokens are like those of the Penn Treebank and CoNLL-2003: punctuation, "n't" and "'s" are tokens; hyphenated
words, numbers, abbreviations and addresses stay whole. The abbreviations known are English; one that ends a
sentence keeps its dot.

In scripts without spaces between words, no words are guessed. The tokenizer ``words`` makes each Han character a
token, and each run of other letters and marks, such as kana or Thai. The tokenizer ``characters`` makes a token of
each grapheme cluster of such a script. Words and numbers between them stay whole.
"""

from __future__ import annotations

import regex

from tagsmith.text import TokenizerName

_TITLES = (  # no sentence ends with these
    "Mr Mrs Ms Mx Dr Prof Rev Fr St Ste Mt Ft Hon Gov Sen Sens Rep Reps Pres Gen Lt Col Maj Capt Cpl Sgt Cmdr "
    "Adm Brig Supt Insp Messrs Mme Mlle vs cf viz e.g i.e"
)
_ABBREVIATIONS = (  # a sentence ends with these, with U.S. or with J. only where an opener follows
    "Inc Corp Co Cos Ltd Bros Jr Sr Esq Ph.D M.Sc B.Sc etc al Ave Blvd Rd Dept Univ Assn approx "
    "Jan Feb Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri "
    "Ala Ariz Calif Colo Conn Fla Ga Ky Md Mich Minn Nev Okla Tenn Tex Va Vt Wis Wyo"
)
_OPENERS = (
    "The A An This That These Those It Its He His She Her They Their We Our I You My In On At By For From With "
    "After Before But And Or If When While As There Here However Meanwhile What Who Why How Where So Then Since"
)
_NUMBERED = "No Nos Nr Vol vol p pp Fig fig Art Sec Ch ch Eq c ca Mar Sat Sun"  # abbreviated before a number

_ALNUM = r"[\pL\pM\pN]"
_WORD = r"[\pL\pN--\p{Han}][\pL\pM\pN\u00AD\u200C\u200D\u2060--\p{Han}]*+"  # with soft hyphens and joiners
_CLITIC = rf"['’](?i:s|ll|re|ve|d|m)(?!{_ALNUM})"
_NOT = rf"(?i:n['’]t)(?!{_ALNUM})"
_CLOSERS = r"""["'\p{Pe}\p{Pf}]*+"""
_OPENER = rf"{_CLOSERS}\s++(?=\L<openers>(?!{_ALNUM}|[.\-]))"
_FLAGS = regex.VERBOSE | regex.VERSION1 | regex.MULTILINE

# The first alternative that fits is taken. Every repeat is possessive, is bounded, or gives back only what the
# token then found takes again: no stretch of text is read over and over.
_TOKEN = regex.compile(
    rf"""
      [\pL--\p{{Han}}]++ (?=[ \n,;)"]) | [,;:!?()"“”%$\p{{Han}}] | \.(?=\s)  # most words and marks, at once
    | (?: (?:https?|ftp)://|www\. | (?:[a-z\d\-]{{1,63}}+\.){{1,4}}+[a-z]{{2,18}}+/ )  # http:// www. bit.ly/
      (?: [\pL\pM\pN\-._~:/?\#@!$&*+,;=%] | \([^\s\pC()<>"]*+\) )* (?<![.,:;!?])     #   ... the whole address
    | [A-Za-z\d][A-Za-z\d._%+\-]{{0,63}}+ @ (?:[\pL\pN\-]{{1,63}}+\.){{1,8}} \pL{{2,}}+  # jo@x.org
    | (?<!{_ALNUM}) [@\#] (?=\d*+[\pL_]) [\pL\pM\pN_]++                  # @handle #hashtag
    | \d{{1,3}}+ \. (?=[ \t]) (?<=^[ \t]*+\d{{1,3}}\.)                   # 1. at the start of a line
    | (?: \pL\pM*+\. ){{2,}}+ (?: \p{{Lu}}\b(?!\.) )?+ (?: -{_WORD} )*+  # U.S. e.g. U.S.A U.S.-led
    | (?: \L<titles> | \L<abbreviations> ) \. (?![.\p{{Ll}}])            # Mr. Inc. Jan.
    | \L<numbered> \. (?=\s*+\d)                                         # No. 5
    | \p{{Lu}} \. (?! \. | {_OPENER} | {_CLOSERS} (?: \s*+\Z | [^\S\n]*+\n[^\S\n]*+\n ) )  # J. Smith
    | [A-Za-z]+ (?={_NOT})                                               # do of don't
    | (?<=[A-Za-z]) {_NOT}                                               # n't
    | (?<=[\pL\pM\pN.)\]%]) {_CLITIC}                                    # 's 'll 're 've 'd 'm
    | ['’]\d0s\b                                                         # '90s
    | (?: (?<![^\s(]) [+\-−]?+\.?+ (?=\d) )?+ {_WORD} (?:                # India 1990s -1.5, and joined to it
        (?: [\-‐‑_·׳״] | (?!{_CLITIC})['’]                               #   well-known O'Brien
          | (?<=\d)[.,:/٫٬](?=\d) | \.(?=\p{{Ll}})                       #   1,000.50 10:30 22/8/96 node.js
          | (?<=\p{{Lu}})&(?=\p{{Lu}}) ) {_WORD} )*+                     #   AT&T
    | \.{{2,}}+ | -{{2,}}+ | ={{2,}}+ | _{{2,}}+ | \*{{2,}}+ | `` | ''   # ... -- =====
    | [^\s\x1C-\x1F]                                                     # all else alone: . & 😀 中
    """,
    _FLAGS,
    titles=_TITLES.split(),
    abbreviations=_ABBREVIATIONS.split(),
    numbered=_NUMBERED.split(),
    openers=_OPENERS.split(),
)

# The grapheme clusters of more than one character, by Unicode's rules GB6 to GB13. A run of flags is cut here, as
# \X would count back to its start for each flag.
_CLUSTER = regex.compile(
    r"""
      \p{GCB=RI}{2} (?=\p{GCB=RI})                                                # a flag before another
    | (?= . [\p{GCB=EX}\p{GCB=SM}\p{GCB=ZWJ}\p{GCB=V}\p{GCB=T}\p{GCB=RI}] ) \X    # before marks, joiners, ...
    | (?= [\p{GCB=L}\p{GCB=PP}\p{GCB=EX}] ) \X                                    # after Hangul initials, ...
    """,
    _FLAGS,
)

# Letters of scripts without spaces between words: Han, kana and bopomofo, and those Unicode breaks lines of by
# dictionary alone (Thai, Lao, Khmer, Burmese, Tai scripts). Their digits are no letters: a number stays whole.
_UNSPACED = r"[[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}]&&[\pL\p{Nl}]] | \p{Line_Break=Complex_Context}"
_IS_UNSPACED = regex.compile(_UNSPACED, _FLAGS)
_PIECE = regex.compile(rf"(?: (?! {_UNSPACED} ) \X )++ | \X", _FLAGS)

_WIDE_STOPS = "。！？｡"
_STOPS = ".!?…؟۔।॥" + _WIDE_STOPS
_AFTER_WIDE_STOP = regex.compile(rf"{_CLOSERS} (?![{_STOPS}])", _FLAGS)
_AFTER_STOP = regex.compile(
    rf"""{_CLOSERS}\p{{Pi}}?+ \s++ (?= (?:[\p{{Ps}}\p{{Pi}}\p{{Pd}}"'`*•¿¡]\s?+){{0,4}}+
    [\p{{Lu}}\p{{Lt}}\p{{Lo}}\p{{Georgian}}\pN\pS@\#] )""",
    _FLAGS,
)
_AFTER_ABBREVIATION = regex.compile(_OPENER, _FLAGS, openers=_OPENERS.split())


def segment(text: str, tokenizer: TokenizerName = "words") -> list[list[tuple[int, int]]]:
    """Return the sentences of a text, each the non-empty list of its tokens' offsets (start, end).

    A sentence ends at . ! ? … with its closing quotes and brackets if white space follows and then something
    other than a lower-case letter; always at 。！？; and at a blank line. A single line break is plain white space.

    Example:
        >>> segment("Hi. Don't go!")
        [[(0, 2), (2, 3)], [(4, 6), (6, 9), (10, 12), (12, 13)]]
    """
    sentences: list[list[tuple[int, int]]] = []
    previous_end = 0
    next_start = 0  # the first token from here on starts a sentence
    for start, end in tokenize(text, tokenizer):
        blank_line = start - previous_end > 1 and text.count("\n", previous_end, start) > 1
        if start >= next_start or blank_line or not sentences:
            sentences.append([])
            next_start = len(text)
        sentences[-1].append((start, end))
        if text[end - 1] in _STOPS:
            next_start = _next_start(text, start, end)
        previous_end = end
    return sentences


def tokenize(text: str, tokenizer: TokenizerName = "words") -> list[tuple[int, int]]:
    """Return the offsets (start, end) of all tokens of a text, in order.

    No token is empty or contains white space. Every other character is in exactly one token. No grapheme cluster
    (a letter with its accents, a flag, a multi-part emoji) is split.

    Example:
        >>> text = "Mr. O'Brien's at AT&T."
        >>> [text[start:end] for start, end in tokenize(text)]
        ['Mr.', "O'Brien", "'s", 'at', 'AT&T', '.']
        >>> text = "タワーはTokyoに"
        >>> [text[start:end] for start, end in tokenize(text, "characters")]
        ['タ', 'ワ', 'ー', 'は', 'Tokyo', 'に']
    """
    tokens = [match.span() for match in _TOKEN.finditer(text)]
    if text.isascii():
        return tokens
    tokens = _join_clusters(text, tokens)
    return _cut_unspaced(text, tokens) if tokenizer == "characters" else tokens


def _join_clusters(text: str, tokens: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the tokens, joined where they meet inside a grapheme cluster."""
    inside: set[int] = set()
    for cluster in _CLUSTER.finditer(text):
        inside.update(range(cluster.start() + 1, cluster.end()))
    joined: list[tuple[int, int]] = []
    for start, end in tokens:
        if start in inside and joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _cut_unspaced(text: str, tokens: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the tokens, with each character of an unspaced script split off."""
    cut: list[tuple[int, int]] = []
    for start, end in tokens:
        if end - start > 1 and _IS_UNSPACED.search(text, start, end):
            # Of the token alone, as \X would look at what stands before it.
            cut += [(start + a, start + b) for a, b in (piece.span() for piece in _PIECE.finditer(text[start:end]))]
        else:
            cut.append((start, end))
    return cut


def _next_start(text: str, start: int, end: int) -> int:
    """Return the start of the sentence after the token text[start:end], which ends in a stop; the text's end if
    none.
    """
    if text[end - 1] in _WIDE_STOPS:
        after = _AFTER_WIDE_STOP.match(text, end)
    elif text[start] in _STOPS:
        after = _AFTER_STOP.match(text, end)
    elif text[start].isalpha() and text[start : end - 1] not in _TITLES.split():
        after = _AFTER_ABBREVIATION.match(text, end)
    else:
        after = None  # 1. at the start of a line, or a title
    return after.end() if after else len(text)
