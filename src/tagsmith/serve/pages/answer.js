"use strict";
// The result: texts with their spans marked, the confidence of each, and alternatives for each sentence.

function show() {
  $("tip").hidden = true;
  marks = [];
  shownAlternatives = null;
  $("answer").replaceChildren(...docs.slice(0, MAX_SHOWN).map(paragraph));
  if (docs.length > MAX_SHOWN) $("answer").append(make("p", {className: "soft", textContent: `and ${docs.length - MAX_SHOWN} more texts, which the downloads include`}));
  applyThreshold();
  showCorrections();
  showAlternatives();
  $("threshold").disabled = isPlain();
  $("confidence").title = isPlain() ? "This model tags every word, so no tag can be hidden" : "Show and save only the spans with at least this confidence";
  $("mark").disabled = isPlain() || Boolean(file);
  $("mark").title = file ? "Select words in the result to label them" : isPlain() ? "This model tags every word: choose a word in the result to correct it" : "";
}

// Mark the spans that reach the threshold, and show the words of the others as plain text.
function applyThreshold() {
  $("bound").textContent = Math.round(100 * $("threshold").value) + " %";
  for (const mark of marks) {
    const isVisible = isShown(mark.span);
    if (isVisible === mark.isVisible) continue;
    mark.isVisible = isVisible;
    if (isVisible) {
      mark.words[0].before(mark.button);
      mark.button.prepend(...mark.words);
    } else mark.button.replaceWith(...mark.words);
  }
  const counts = new Map();
  for (const {label} of docs.flatMap(visible)) counts.set(label, (counts.get(label) || 0) + 1);
  $("counts").replaceChildren(...labels().filter(label => counts.has(label)).map(label => tint(make("span", {className: "chip"}, make("b", {textContent: label}), String(counts.get(label))), label)));
}

function paragraph(doc) {
  const box = make("div", {className: "doc", dir: "auto"}), spanAt = new Map(doc.spans.map(span => [span.start, span]));
  const sentenceEndingAt = new Map(doc.sentences.map(([, to], number) => [to - 1, number]));
  box.doc = doc;
  let at = 0, mark = null;
  doc.tokens.forEach((token, i) => {
    const word = make("span", {textContent: token}), between = doc.text.slice(at, doc.starts[i]);
    word.token = i;
    if (spanAt.has(i)) marks.push(mark = {doc, span: spanAt.get(i), button: button(doc, spanAt.get(i)), words: [], isVisible: false});
    else if (mark && between) mark.words.push(document.createTextNode(between));
    box.append(mark?.words.at(-1) ?? between, word);
    mark?.words.push(word);
    if (mark?.span.end === i + 1) mark = null;
    at = ends(doc, i);
    if (doc.alternatives[sentenceEndingAt.get(i)]?.length > 1) box.append(" ", more(doc, sentenceEndingAt.get(i)));
  });
  box.append(doc.text.slice(at));
  return box;
}

function button(doc, span) {
  const label = make("b", {textContent: span.label, dir: "ltr"});
  const button = tint(make("button", {type: "button", className: "span" + (span.isCorrected ? " corrected" : "")}, " ", label), span.label);
  button.setAttribute("aria-label", `${textOf(doc, span)} ${span.label}, ${span.isCorrected ? "corrected" : percent(span.probability)}`);
  button.setAttribute("aria-haspopup", "dialog");
  button.onclick = () => { if (getSelection().isCollapsed) edit(doc, span); };
  button.onmouseenter = () => tip(button, span);
  button.onfocus = () => { if (button.matches(":focus-visible")) tip(button, span); };
  button.onmouseleave = button.onblur = () => { $("tip").hidden = true; };
  return button;
}

const bar = p => { const inside = make("i"); inside.style.width = 100 * p + "%"; return make("div", {className: "bar"}, inside); };
function tip(element, span) {
  const box = $("tip"), place = element.getClientRects()[0];
  tint(box, span.label).replaceChildren(make("b", {textContent: span.label}), span.isCorrected ? " corrected by you" : " " + percent(span.probability), ...(span.isCorrected ? [] : [bar(span.probability)]));
  box.hidden = false;
  box.style.left = Math.max(8, Math.min(place.left, innerWidth - box.offsetWidth - 8)) + scrollX + "px";
  box.style.top = place.bottom + scrollY + 6 + "px";
}

function more(doc, sentence) {
  const button = make("button", {className: "more", type: "button", textContent: "⋯"});
  button.setAttribute("aria-label", `Alternatives for sentence ${sentence + 1}`);
  button.onclick = () => {
    shownAlternatives = {doc, sentence, button};
    showAlternatives();
    $("alternatives").querySelector("button").focus();
  };
  return button;
}

function showAlternatives() {
  const box = $("alternatives");
  box.hidden = !shownAlternatives;
  if (!shownAlternatives) return;
  const {doc, sentence} = shownAlternatives, [from] = doc.sentences[sentence];
  box.replaceChildren(make("h2", {textContent: "Alternatives for this sentence; choose one as a correction"}), ...doc.alternatives[sentence].map(one => {
    const p = Math.exp(one.log_probability);
    const spans = doc.plain ? one.tags.map((label, i) => ({start: from + i, end: from + i + 1, label})) : one.spans;
    const line = make("span", {dir: "auto"}, ...(spans.length ? spans.flatMap(span => [textOf(doc, span) + " ", tint(make("b", {className: "chip", dir: "ltr"}, make("b", {textContent: span.label})), span.label), "  "]) : ["no spans"]));
    const button = make("button", {type: "button"}, make("span", {className: "num"}, percent(p), bar(p)), line);
    button.onclick = () => { correct(doc, sentence, spans); focusAt(doc, from); };
    return button;
  }));
}
function closeAlternatives() {
  if (!shownAlternatives) return;
  const {button} = shownAlternatives, inside = $("alternatives").contains(document.activeElement);
  shownAlternatives = null;
  showAlternatives();
  if (inside) button.focus();
}
