"use strict";
// The server says that there is a newer version of the page; the parts that have changed are then
// fetched as a document, which runs nothing, and put in place of the old ones.
const live = document.getElementById("live");
const said = document.getElementById("said");
const link = document.getElementById("link");
const { address, secret } = live.dataset;
const button = (name) => document.getElementById(name);
const MILESTONES = [95, 80, 50]; // percent of the cap; a screen reader hears these, not each step

let version = Number(live.dataset.version); // of what is shown, or waits for the focus to leave
let isHeld = false;
let isFetching = false;
let isOver = false; // the server has ended
let newest = null; // the last update that was told
let told = { percent: null, state: null }; // what was said aloud
const waiting = new Map(); // parts that are read with the keyboard, by name: their newest form

function isRead(part) {
  const selection = getSelection();
  const isSelected = !selection.isCollapsed && selection.intersectsNode(part);
  return isSelected || part.contains(document.activeElement);
}

function keepView(old, part) {
  const oldDetails = old.querySelectorAll("details");
  part.querySelectorAll("details").forEach((each, at) => {
    each.open = Boolean(oldDetails[at]?.open);
  });
}

function keepScroll(old, part) {
  const regions = part.querySelectorAll(".scroll");
  old.querySelectorAll(".scroll").forEach((each, at) => {
    if (regions[at]) regions[at].scrollLeft = each.scrollLeft;
  });
}

function place(part) {
  const name = part.dataset.part;
  const old = document.getElementById(name);
  if (!old) return;
  if (isRead(old)) {
    waiting.set(name, part);
    return;
  }
  waiting.delete(name);
  keepView(old, part);
  const tip = document.getElementById("tip");
  if (old.querySelector("svg")) tip.hidden = true; // its mark is gone
  old.replaceWith(part);
  keepScroll(old, part);
}

function placeAll(answer) {
  version = Number(answer.body.dataset.version);
  for (const part of answer.querySelectorAll("[data-part]")) {
    place(document.adoptNode(part));
  }
}

function fetchParts() {
  if (isHeld || isFetching || !newest || newest.version <= version) return;
  isFetching = true;
  const request = new XMLHttpRequest();
  request.open("GET", `${address}/parts?after=${version}`);
  request.responseType = "document";
  request.timeout = 30000;
  request.onloadend = () => {
    isFetching = false;
    if (request.status !== 200 || !request.response) return;
    placeAll(request.response);
    fetchParts(); // what was told meanwhile
  };
  request.send();
}

function placeWaiting() {
  if (isHeld) return;
  for (const part of [...waiting.values()]) place(part);
}

// Where the focus leaves a part, the newest form of it takes its place.
document.addEventListener("focusout", () => setTimeout(placeWaiting));
document.addEventListener("selectionchange", () => setTimeout(placeWaiting, 200));

function describeState(figures) {
  if (figures.outcome !== "running") return "ended";
  return figures.paused_at ? "paused" : "running";
}

function sayMilestones(figures) {
  const spent = Number(figures.spent_usd) + Number(figures.held_usd);
  const percent = (100 * spent) / Number(figures.cap_usd);
  const passed = MILESTONES.find((each) => percent >= each) ?? 0;
  if (told.percent !== null && passed > told.percent) {
    said.textContent = `${passed}% of the cap is spent.`;
  }
  told.percent = passed;
  sayState(describeState(figures), figures);
}

function sayState(state, figures) {
  const words = {
    ended: figures.outcome === "complete" ? "The run is complete." : "The run has ended.",
    paused: "The run is paused.",
    running: "The run goes on.",
  };
  if (told.state !== null && state !== told.state) said.textContent = words[state];
  told.state = state;
}

// The buttons stay in their place; which of them is shown depends on the run.
function showControls(figures) {
  const state = describeState(figures);
  const isAsking = !button("stop-now").hidden;
  const shown = {
    pause: state === "running",
    resume: Boolean(figures.paused_at) && figures.outcome !== "complete",
    stop: state !== "ended" && !isAsking,
  };
  const focused = document.activeElement?.id;
  for (const [name, isShown] of Object.entries(shown)) button(name).hidden = !isShown;
  if (state === "ended") askToStop(false);
  if (focused === "pause" && shown.resume) button("resume").focus();
  if (focused === "resume" && shown.pause) button("pause").focus();
}

function askToStop(isAsking) {
  button("stop-now").hidden = !isAsking;
  button("stop-not").hidden = !isAsking;
  if (isAsking) button("stop").hidden = true;
}

function control(what) {
  const request = new XMLHttpRequest();
  request.open("POST", `${address}/${what}`);
  request.setRequestHeader("X-Afcost-Secret", secret);
  request.responseType = "json";
  request.timeout = 30000;
  request.onloadend = () => {
    said.textContent = request.response?.said ?? "The server did not answer; nothing was asked.";
  };
  request.send();
}

button("pause").addEventListener("click", () => control("pause"));
button("resume").addEventListener("click", () => control("resume"));
button("stop").addEventListener("click", () => {
  askToStop(true);
  button("stop-not").focus(); // the harmless one
  said.textContent = "End this run? What is in flight comes in, and is judged.";
});
button("stop-now").addEventListener("click", () => {
  askToStop(false);
  button("stop").hidden = false;
  button("stop").focus();
  control("stop");
});
button("stop-not").addEventListener("click", () => {
  askToStop(false);
  button("stop").hidden = false;
  button("stop").focus();
  said.textContent = "";
});
button("hold").addEventListener("click", () => {
  isHeld = !isHeld;
  button("hold").setAttribute("aria-pressed", String(isHeld));
  placeWaiting();
  fetchParts();
});

function tellLink(text) {
  link.hidden = !text;
  link.textContent = text;
}

function hear(event) {
  newest = JSON.parse(event.data);
  tellLink(newest.error && `The run cannot be read now: ${newest.error}`);
  if (newest.error) return;
  sayMilestones(newest.figures);
  showControls(newest.figures);
  fetchParts();
}

let source = null; // of events; none while the page is not shown

function connect() {
  if (source) return;
  source = new EventSource(`${address}/events`);
  source.addEventListener("update", hear);
  source.addEventListener("open", () => tellLink(""));
  source.addEventListener("end", () => {
    disconnect();
    isOver = true;
    tellLink("afcost view has ended. To go on watching, start it again.");
  });
  source.addEventListener("error", () => {
    isOver = source?.readyState === EventSource.CLOSED;
    tellLink(
      isOver
        ? "This page's server is gone. To go on watching, start afcost view again."
        : "The connection is lost; trying again.",
    );
  });
}

function disconnect() {
  source?.close();
  source = null;
}

// A page that is not seen asks for nothing.
function followVisibility() {
  if (document.hidden) disconnect();
  else if (!isOver) connect();
}

document.addEventListener("visibilitychange", followVisibility);
addEventListener("pagehide", disconnect);
addEventListener("pageshow", followVisibility);
followVisibility();
