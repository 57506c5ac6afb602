"use strict";
// Corrections: one for a sentence (its tokens) and a model. Its spans count from the first token of the sentence. It is
// active, and saved, unless its sentence was removed from the text it was typed in. Emptying or replacing the whole text
// starts a new one.
const activeCorrections = () => [...corrections.values()].filter(one => one.model === chosen() && one.isActive);
const lastStepIndex = () => steps.findLastIndex(step => step.model === chosen());

function updateActive() {
  const present = new Set(docs.flatMap(doc => doc.keys));
  for (const [key, one] of corrections) if (one.model === chosen()) {
    if (present.has(key)) one.isActive = true;
    else if (one.typed && !file) one.isActive = false;
  }
}
function startNewText() {
  for (const [key, one] of corrections) one.isActive ? one.typed = false : corrections.delete(key);
}

// Set the spans of a text: those of the model, or of the corrections. A corrected sentence shows every span it is saved
// with.
function applyCorrections(doc) {
  doc.spans = doc.sentences.flatMap(([from, to], number) => {
    const predicted = within(doc.predicted, [from, to]), one = corrections.get(doc.keys[number]);
    if (!one) return doc.plain ? predicted.map(span => ({...span, isKept: true})) : predicted;
    return one.spans.map(({start, end, label}) => {
      const span = {start: from + start, end: from + end, label}, same = predicted.find(other => isSame(other, span));
      if (same) return {...same, isKept: true};
      const at = doc.starts[span.start], text = textOf(doc, span), first = points(doc.text.slice(0, at));
      return {...span, text, start_char: first, end_char: first + points(text), isCorrected: true, isKept: true};
    });
  });
}
const isSame = (one, other) => one.start === other.start && one.end === other.end && one.label === other.label;
const points = text => Array.from(text).length;

function correct(doc, number, spans) {
  const [from, to] = doc.sentences[number], predicted = within(doc.predicted, [from, to]);
  const isUnchanged = spans.length === predicted.length && spans.every(span => predicted.some(other => isSame(span, other)));
  change([[doc.keys[number], isUnchanged ? undefined : {
    model: chosen(), plain: doc.plain, tokens: doc.tokens.slice(from, to), typed: !file, isActive: true,
    spans: spans.map(({start, end, label}) => ({start: start - from, end: end - from, label})).sort((a, b) => a.start - b.start),
  }]]);
}

// Replace corrections, and remember the old ones for undo.
function change(entries, undoing = false) {
  if (!undoing) steps.push({model: chosen(), before: entries.map(([key]) => [key, corrections.get(key)])});
  for (const [key, one] of entries) one ? corrections.set(key, one) : corrections.delete(key);
  unsaved.add(chosen());
  const keys = new Set(entries.map(([key]) => key));
  docs.filter(doc => doc.keys.some(key => keys.has(key))).forEach(applyCorrections);
  show();
}
function undo() {
  const at = lastStepIndex();
  if (at < 0) return;
  change(steps.splice(at, 1)[0].before, true);
  showStatus("Undid the last correction.");
}

function showCorrections() {
  const number = activeCorrections().length;
  $("corrected").textContent = number;
  $("corrected-model").textContent = models.length > 1 ? " for " + chosen() : "";
  const focused = document.activeElement;
  for (const button of document.querySelectorAll("[data-corrections], #discard")) button.disabled = !number;
  $("undo").disabled = lastStepIndex() < 0;
  if (focused.disabled) $("answer").focus();
}

function edit(doc, span) {
  editing = {doc, replaced: span, start: span.start, end: span.end};
  const options = [...labels().filter(label => !doc.plain || model().tags.includes(label)), ...(doc.plain ? [] : [""])];
  $("labels").replaceChildren($("labels").firstElementChild, ...options.map((label, i) => {
    const input = make("input", {type: "radio", name: "label", value: label, required: true, checked: label === span.label});
    const pick = make("label", {className: "pick"}, input, label || "no label");
    if (i < 9) {
      pick.append(make("kbd", {textContent: i + 1, ariaHidden: "true"}));
      input.setAttribute("aria-keyshortcuts", i + 1);
    }
    return label ? tint(pick, label) : pick;
  }));
  $("boundaries").hidden = doc.plain;
  showQuote();
  $("tip").hidden = true;
  $("edit").returnValue = "";
  $("edit").showModal();
  ($("labels").querySelector("input:checked") ?? $("labels").querySelector("input")).focus();
}

function showQuote() {
  const {doc} = editing, [from, to] = doc.sentences[sentenceAt(doc, editing.start)];
  editing.end = Math.min(editing.end, to);
  $("quote").textContent = textOf(doc, editing);
  for (const button of $("boundaries").querySelectorAll("button")) {
    const [boundary, by] = button.dataset.move.split(","), moved = {...editing, [boundary]: editing[boundary] + Number(by)};
    button.disabled = moved.start < from || moved.end > to || moved.start >= moved.end;
  }
}

// Move the focus to a corrected span, or the one after it. In the text box, it stays there.
function focusAt(doc, start) {
  if (document.activeElement === $("text")) return;
  (marks.find(mark => mark.doc === doc && mark.isVisible && mark.span.start >= start)?.button ?? $("answer")).focus();
}

$("edit").addEventListener("close", () => {
  const {doc, replaced, start, end} = editing, label = $("labels").querySelector("input:checked")?.value;
  if ($("edit").returnValue !== "save" || label === undefined) return;
  const sentence = sentenceAt(doc, start);
  const others = within(doc.spans, doc.sentences[sentence]).filter(span => span !== replaced && (span.end <= start || span.start >= end));
  correct(doc, sentence, label ? [...others, {start, end, label}] : others);
  focusAt(doc, start);
});
$("edit").addEventListener("keydown", event => {
  const input = /^[1-9]$/.test(event.key) && $("labels").querySelectorAll("input")[event.key - 1];
  if (input) { input.checked = true; input.focus(); }
});
for (const button of $("boundaries").querySelectorAll("button")) button.onclick = () => {
  const [boundary, by] = button.dataset.move.split(",");
  editing[boundary] += Number(by);
  showQuote();
};

function label(doc, tokens) {
  if (tokens.length && !doc.plain) edit(doc, {start: tokens[0], end: tokens.at(-1) + 1});
}
function labelTyped() {
  if ($("answer").inert) return;
  if (isPlain()) return showStatus($("mark").title);
  const {selectionStart: from, selectionEnd: to} = $("text"), doc = docs[0];
  if (file || !doc || doc.text !== $("text").value || from === to) return showStatus("Select words in the text first.");
  label(doc, doc.tokens.map((_, i) => i).filter(i => doc.starts[i] < to && ends(doc, i) > from));
}
$("mark").onclick = labelTyped;
$("text").addEventListener("keydown", event => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); labelTyped(); } });
$("answer").addEventListener("pointerup", () => setTimeout(() => {
  const selection = getSelection();
  if (selection.isCollapsed || !$("answer").contains(selection.anchorNode)) return;
  const range = selection.getRangeAt(0), box = (range.startContainer.parentElement || document.body).closest(".doc");
  if (!box || !box.contains(range.endContainer)) return;
  const words = [...box.querySelectorAll("span")].filter(word => range.intersectsNode(word) && (word.contains(range.startContainer) || word.contains(range.endContainer) || selection.containsNode(word, true)));
  selection.removeAllRanges();
  label(box.doc, words.map(word => word.token));
}));
$("undo").onclick = undo;
$("discard").onclick = () => change([...corrections].filter(([, one]) => one.model === chosen() && one.isActive).map(([key]) => [key, undefined]));
document.addEventListener("keydown", event => {
  if (event.key === "Escape") { $("tip").hidden = true; closeAlternatives(); }
  if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
  if ($("edit").open || ["text", "key"].includes(event.target.id)) return;
  event.preventDefault();
  undo();
});
addEventListener("beforeunload", event => {
  if ([...corrections.values()].some(one => one.isActive && unsaved.has(one.model))) event.preventDefault();
});
