"use strict";
// What starts tagging: typing, the model, the threshold, the key, and opening the page.

$("text").addEventListener("beforeinput", () => {
  const {selectionStart: from, selectionEnd: to, value} = $("text");
  if (to > from && from === 0 && to === value.length) startNewText();
});
$("text").addEventListener("input", () => {
  if (!$("text").value.trim()) startNewText();
  running?.abort();
  setOld(true);
  clearTimeout(timer);
  timer = setTimeout(tag, 150);
});
$("threshold").addEventListener("input", applyThreshold);
$("model").addEventListener("change", tag);
$("lock").addEventListener("submit", event => {
  event.preventDefault();
  const typed = $("key").value.trim();
  if (!/^[\x21-\x7e]*$/.test(typed)) return showStatus("Not a valid key: expected printable ASCII characters without spaces.", true);
  key = typed;
  begin();
});
const begin = () => listModels().then(choose).catch(error => showStatus(error.message, true));
begin();
