"use strict";
// Texts of others: written as text nodes alone, and whatever would not be seen in them as its number.

const SHOWN = 20_000; // characters of a text before "show all", and of each part that is added then
const NOT_SEEN = new RegExp(
  "(?![\\t\\n])(?!\\r\\n)" + // tabs and line ends are seen
    "(?:[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}\\p{Zl}\\p{Zp}" +
    "\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u3164\\uffa0\\ufe00-\\ufe0e]" +
    "|[\\u{e0100}-\\u{e01ef}])",
  "gu",
);
// Joiners belong to words of Persian or Hindi and to emoji; beside ASCII they do nothing.
const JOINERS = new Set(["\u200c", "\u200d"]);
const WRITTEN_WITH_JOINERS = /[^\0-\xff\u2000-\u206f]/;

function makeNode(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// Write a text into a node; what is searched for is marked.
function fillText(node, text, needle = "") {
  let from = 0;
  for (const { 0: found, index } of text.matchAll(NOT_SEEN)) {
    if (JOINERS.has(found) && joinsLetters(text, index)) continue;
    appendMarked(node, text.slice(from, index), needle);
    node.append(makeMark(found));
    from = index + found.length;
  }
  appendMarked(node, text.slice(from), needle);
  return node;
}

function joinsLetters(text, at) {
  return [text[at - 1], text[at + 1]].every((each) => each && WRITTEN_WITH_JOINERS.test(each));
}

function makeMark(character) {
  const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return makeNode("span", { class: "ctl", title: "a character that is not seen" }, `U+${code}`);
}

function appendMarked(node, text, needle) {
  const lower = needle ? text.toLowerCase() : "";
  let from = 0;
  // A few letters have another length in lower case: then places are not the same, and none is marked.
  if (needle && lower.length === text.length) {
    for (let at = lower.indexOf(needle); at >= 0; at = lower.indexOf(needle, from)) {
      node.append(text.slice(from, at), makeNode("mark", {}, text.slice(at, at + needle.length)));
      from = at + needle.length;
    }
  }
  node.append(text.slice(from));
}

// Return where a part of a text ends: at a line end if it has one, never inside of a character.
function findPartEnd(text, from) {
  const end = from + SHOWN;
  if (end >= text.length) return text.length;
  const lineEnd = text.lastIndexOf("\n", end - 1);
  if (lineEnd > from) return lineEnd + 1;
  return /[\ud800-\udbff]/.test(text[end - 1]) ? end - 1 : end;
}

// Return a box with a text, of which a long one is shown in part.
function makeTextBox(text, name, needle = "", kind = "") {
  const box = makeNode("div", {
    class: `text ${kind}`,
    dir: "auto",
    role: "group",
    tabindex: "0",
    "aria-label": name,
  });
  const end = findPartEnd(text, 0);
  box.append(fillText(makeNode("div", { class: "part" }), text.slice(0, end), needle));
  if (end < text.length) box.append(makeShowAll(box, text, end, needle));
  return box;
}

function makeShowAll(box, text, from, needle) {
  const size = text.length.toLocaleString("en");
  const button = makeNode("button", { type: "button" }, `Show all ${size} characters`);
  button.addEventListener("click", () => {
    button.remove();
    box.focus();
    appendParts(box, text, from, needle);
  });
  return button;
}

// Add the rest of a text part by part, so that the page answers meanwhile.
function appendParts(box, text, from, needle) {
  if (from >= text.length || !box.isConnected) return;
  const end = findPartEnd(text, from);
  box.append(fillText(makeNode("div", { class: "part" }), text.slice(from, end), needle));
  requestAnimationFrame(() => appendParts(box, text, end, needle));
}
