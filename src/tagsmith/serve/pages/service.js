"use strict";
// Requests to the service, and its answers as the page keeps them.

// Return the lines of a response. While the service is busy or can't be reached, retry until it answers.
async function call(path, body, signal) {
  for (;;) {
    let seconds = RETRY_SECONDS;
    try {
      const response = await fetch(path, {method: body ? "POST" : "GET", body, signal, headers: key ? {Authorization: "Bearer " + key} : {}});
      const text = await response.text();
      const wasAsked = !$("lock").hidden;
      $("lock").hidden = response.status !== 401;
      if (response.ok) return text.split("\n").filter(Boolean).map(line => JSON.parse(line));
      if (response.status === 401) {
        if (!wasAsked) $("key").focus();
        throw new Error(key ? "The service does not accept this key." : "This service requires an API key.");
      }
      const message = parsed(text)?.error?.message ?? response.statusText;
      if (response.status !== 503) throw new Error(message);
      seconds = Number(response.headers.get("Retry-After")) || RETRY_SECONDS;
      showStatus(`${message}. Retrying every ${count(seconds, "second")} …`, true);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;  // fetch throws a TypeError when the network fails
      showStatus(`The service can't be reached. Retrying every ${RETRY_SECONDS} seconds …`, true);
    }
    await new Promise(done => setTimeout(done, 1000 * seconds));
    signal?.throwIfAborted();
  }
}

async function listModels() {
  [models] = await call("v1/models");
  const before = chosen();
  $("model").replaceChildren(...models.map(one => make("option", {value: one.name, textContent: one.name})));
  if (models.some(one => one.name === before)) $("model").value = before;
}

// Tag the lines of the open file, or the text in the box as the only line.
async function tag() {
  if (!models.length) return;
  running?.abort();
  clearTimeout(timer);
  const {signal} = running = new AbortController(), answers = [], failed = [], started = performance.now();
  const text = $("text").value, lines = file?.lines ?? [[1, JSON.stringify({text})]];
  const query = new URLSearchParams({model: chosen(), probabilities: true, best: file || text.length > 5000 ? 1 : 3});
  setOld(true);
  try {
    for (let i = 0; i < lines.length;) {
      const part = lines.slice(i, i + LINES_PER_REQUEST);
      const replies = await call("v1/lines?" + query, part.map(([, line]) => line + "\n").join(""), signal);
      if (!replies.length) throw new Error("The service ended its response early.");
      replies.forEach((reply, j) => reply.tokens ? answers.push(reply) : failed.push([part[j][0], reply.error.message]));
      i += replies.length;  // a line that is too long ends a response
      if (lines.length > LINES_PER_REQUEST) showStatus(`${i} of ${lines.length} texts`);
    }
    if (!file && failed.length) throw new Error(failed[0][1]);
    if (!model().loaded) await listModels();
    signal.throwIfAborted();
    docs = answers.map(read);
    colours = new Map();
    for (const label of labels()) colours.set(label, colours.size);
    updateActive();
    docs.forEach(applyCorrections);
    setOld(false);
    show();
    reportResult(failed, performance.now() - started);
  } catch (error) {
    if (error.name !== "AbortError") showStatus(error.message, true);
  }
}

// Dim an answer to an older text or model, which can be neither corrected nor saved.
function setOld(old) {
  for (const id of ["answer", "counts", "alternatives"]) {
    $(id).classList.toggle("old", old);
    $(id).inert = old;
  }
  $("answer").setAttribute("aria-busy", old);
  for (const button of document.querySelectorAll("[data-save]:not([data-corrections])")) button.disabled = old || !docs.some(doc => doc.tokens.length);
  if (old) { $("failed").hidden = true; if (!$("status").classList.contains("bad")) showStatus(""); }
}

function reportResult(failed, ms) {
  const sum = of => docs.reduce((total, doc) => total + of(doc).length, 0);
  const tagged = `${file ? count(docs.length, "text") + " · " : ""}${count(sum(doc => doc.tokens), "token")}${isPlain() ? "" : " · " + count(sum(doc => doc.spans), "span")} · ${Math.round(ms)} ms`;
  showStatus(failed.length ? `${tagged} · ${count(failed.length, "line")} could not be tagged:` : tagged, failed.length > 0);
  $("failed").hidden = !failed.length;
  $("failed").replaceChildren(...failed.slice(0, MAX_SHOWN).map(([number, message]) => make("li", {textContent: `line ${number}: ${message}`})));
  if (failed.length > MAX_SHOWN) $("failed").append(make("li", {textContent: `and ${failed.length - MAX_SHOWN} more`}));
}

// Return an answer as the page keeps it. Token offsets are in UTF-16 units; the service's are in code points.
function read({alternatives, token_probabilities, sentence_probabilities, ...line}) {
  let from = 0, first = 0;
  const {text, tokens} = line, plain = isPlain();
  const starts = tokens.map(token => { const at = text.indexOf(token, from); from = at + token.length; return at; });
  const sentences = alternatives.map(([{tags}]) => [first, first += tags.length]);
  const keys = sentences.map(([from, to]) => chosen() + "\n" + JSON.stringify(tokens.slice(from, to)));
  const predicted = plain ? line.tags.map((label, i) => ({start: i, end: i + 1, label, probability: token_probabilities[i]})) : line.spans;
  return {line, text, tokens, starts, sentences, keys, alternatives, plain, predicted, spans: predicted};
}
const ends = (doc, token) => doc.starts[token] + doc.tokens[token].length;
const textOf = (doc, span) => doc.text.slice(doc.starts[span.start], ends(doc, span.end - 1));
const sentenceAt = (doc, token) => doc.sentences.findIndex(([from, to]) => from <= token && token < to);
const within = (spans, [from, to]) => spans.filter(span => from <= span.start && span.start < to);
const isShown = span => span.isKept || span.probability >= Number($("threshold").value);
const visible = doc => doc.spans.filter(isShown);
