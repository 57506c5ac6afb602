"use strict";
// Files to tag, and downloads.

async function open(opened) {
  const {name} = opened;
  try {
    if (/\.(conllu?|iob|bio|html?)$/i.test(name)) throw new Error(`found ${name}; expected a text file or a JSON Lines file`);
    const lines = decoded(name, await opened.arrayBuffer()).split("\n").map((line, i) => [i + 1, line.trim()]).filter(([, line]) => line);
    if (!lines.length) throw new Error(`${name} is empty: it has no text to tag.`);
    file = {lines: /\.jsonl$/i.test(name) ? lines : lines.map(([number, text]) => [number, JSON.stringify({text})])};
    $("file-name").textContent = `${name} · ${count(lines.length, "text")}`;
    choose();
  } catch (error) { showStatus(error.message, true); }
}
function decoded(name, bytes) {
  try { return new TextDecoder("utf-8", {fatal: true}).decode(bytes); }
  catch { throw new Error(`${name} can't be read: it is not UTF-8 text.`); }
}
// Show the text box, or instead of it the name of the open file, and tag the text.
function choose() {
  $("text").hidden = Boolean(file);
  $("opened").hidden = !file;
  return tag();
}
function parsed(line) { try { return JSON.parse(line); } catch { return undefined; } }
$("open").onclick = () => $("file").click();
$("close").onclick = () => { file = null; choose(); $("text").focus(); };
$("file").onchange = event => { if (event.target.files[0]) open(event.target.files[0]); event.target.value = ""; };
addEventListener("dragover", event => { event.preventDefault(); document.body.classList.add("over"); });
addEventListener("dragleave", event => { if (!event.relatedTarget) document.body.classList.remove("over"); });
addEventListener("drop", event => { event.preventDefault(); document.body.classList.remove("over"); if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]); });

const toTags = (tokens, spans, plain) => {
  const tags = tokens.map(() => "O");
  for (const {start, end, label} of spans) for (let i = start; i < end; i++) tags[i] = plain ? label : (i === start ? "B-" : "I-") + label;
  return tags;
};
const taggedDocs = () => docs.map(doc => ({doc, spans: visible(doc), tags: toTags(doc.tokens, visible(doc), doc.plain)}));
const taggedSentences = () => taggedDocs().flatMap(({doc, tags}) => doc.sentences.map(([from, to]) => ({tokens: doc.tokens.slice(from, to), tags: tags.slice(from, to)})));
const corrected = () => activeCorrections().map(({tokens, spans, plain}) => ({tokens, tags: toTags(tokens, spans, plain)}));
const toConll = sentences => sentences.map(({tokens, tags}) => tokens.map((token, i) => `${token}\t${tags[i]}\n`).join("") + "\n");
const toLines = objects => objects.map(one => JSON.stringify(one) + "\n");
const answerLine = ({doc, spans, tags}) => ({...doc.line, tags, spans: doc.plain ? [] : spans.map(({isCorrected, isKept, ...span}) => span)});
const HTML_HEAD = '<!doctype html>\n<meta charset="utf-8">\n<title>tagged</title>\n<style>:root{color-scheme:light dark}body{max-width:42rem;margin:2rem auto;padding:0 1rem;font:1.1rem/1.9 Georgia,serif}p{white-space:pre-wrap;overflow-wrap:anywhere}'
  + "mark{padding:.1em .25em;border-radius:.3em;color:inherit;background:light-dark(oklch(calc(.93 - .075*var(--step)) calc(.05 + .03*var(--step)) var(--hue)),oklch(calc(.33 + .07*var(--step)) calc(.06 + .025*var(--step)) var(--hue)))}small{font:600 .6em sans-serif;margin-inline-start:.4em}</style>\n";
function toHtml({doc, spans}) {
  let at = 0, body = "";
  for (const span of spans) {
    const style = colour(colours.get(span.label)).map(pair => pair.join(":")).join(";");
    body += escape(doc.text.slice(at, doc.starts[span.start])) + `<mark style="${style}">${escape(textOf(doc, span))}<small>${escape(span.label)}</small></mark>`;
    at = ends(doc, span.end - 1);
  }
  return `<p dir="auto">${body}${escape(doc.text.slice(at))}</p>\n`;
}
const escape = text => text.replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
const ANSWER = {conll: () => toConll(taggedSentences()), jsonl: () => toLines(taggedDocs().map(answerLine)), html: () => [HTML_HEAD, ...taggedDocs().map(toHtml)]};
const CORRECTIONS = {conll: () => toConll(corrected()), jsonl: () => toLines(corrected())};
for (const button of document.querySelectorAll("[data-save]")) button.onclick = () => {
  const form = button.dataset.save, ours = "corrections" in button.dataset;
  const parts = (ours ? CORRECTIONS : ANSWER)[form](), name = ours ? "corrections-" + chosen() : "tagged";
  const link = make("a", {download: `${name}.${form}`, href: URL.createObjectURL(new Blob(parts, {type: "text/plain;charset=utf-8"}))});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  if (ours) unsaved.delete(chosen());
};
