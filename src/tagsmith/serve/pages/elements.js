"use strict";
// State and elements that all scripts share.
const $ = id => document.getElementById(id);
const MAX_SHOWN = 100, LINES_PER_REQUEST = 50, RETRY_SECONDS = 3;
let models = [], docs = [], key = "", file = null, running = null, timer = 0, editing = null, shownAlternatives = null;
let marks = [];  // the spans on the screen, including those that the slider hides
let colours = new Map();  // label → number of its colour
const corrections = new Map(), steps = [], unsaved = new Set();

function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}
const colour = number => [["--hue", (55 + 137.508 * number) % 360], ["--step", Math.floor(number / 8) % 3]];
function tint(element, label) {
  if (!colours.has(label)) colours.set(label, colours.size);
  for (const [name, value] of colour(colours.get(label))) element.style.setProperty(name, value);
  return element;
}
const chosen = () => $("model").value;
const model = () => models.find(one => one.name === chosen()) || {labels: [], tags: []};
const isPlain = () => Boolean(model().plain);
const labels = () => [...new Set([...model().labels, ...docs.flatMap(doc => doc.spans.map(span => span.label))])];
const percent = p => p === undefined ? "" : (100 * p).toFixed(p > .999 && p < 1 ? 2 : 1) + " %";
const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
function showStatus(text, bad = false) {
  if ($("status").textContent !== text) $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}
