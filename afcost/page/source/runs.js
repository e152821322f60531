"use strict";
// Two chosen runs become the address of the page that compares them.
const boxes = [...document.querySelectorAll("input[name=run]")];
const link = document.getElementById("compare-link");
const hint = document.getElementById("compare-hint");

function showChoice() {
  const chosen = boxes.filter((box) => box.checked).map((box) => `run=${box.value}`);
  const isReady = chosen.length === 2;
  hint.textContent = isReady ? "" : "Choose two runs.";
  if (isReady) {
    link.setAttribute("href", `/compare?${chosen.join("&")}`);
    link.removeAttribute("aria-disabled");
  } else {
    link.removeAttribute("href");
    link.setAttribute("aria-disabled", "true");
  }
}

boxes.forEach((box) => box.addEventListener("change", showChoice));
if (link) showChoice();
