"use strict";
// The list of the answers found, a hundred on a page, by keyboard too.

const LISTED = 100; // answers on a page

class AnswerList {
  // choose(answer) opens one; say(text) announces.
  constructor(index, choose, say) {
    this.index = index;
    this.choose = choose;
    this.say = say;
    this.list = document.getElementById("list");
    this.count = document.getElementById("found");
    this.pages = document.getElementById("list-pages");
    this.before = document.getElementById("list-before");
    this.after = document.getElementById("list-after");
    this.found = [];
    this.page = 0;
    this.opened = null;
    this.list.addEventListener("keydown", (event) => this.move(event));
    this.list.addEventListener("click", (event) => this.openClicked(event));
    this.before.addEventListener("click", () => this.turnPage(-1));
    this.after.addEventListener("click", () => this.turnPage(1));
  }

  // Show the answers found; those of a search that goes on keep the page that is open.
  show(found, progress = "", keepsPage = false) {
    const last = Math.max(0, Math.ceil(found.length / LISTED) - 1);
    this.found = found;
    this.page = keepsPage ? Math.min(this.page, last) : 0;
    const { count, total } = this.index;
    const what = count < total ? "answers in the sample" : "answers";
    this.count.textContent = `${formatCount(found.length)} of ${formatCount(count)} ${what}${progress}`;
    this.draw();
  }

  draw() {
    const { list } = this;
    const first = this.page * LISTED;
    const shown = this.found.slice(first, first + LISTED);
    let query = null;
    const items = [];
    for (const answer of shown) {
      const [number, text] = this.index.query(answer);
      if (number !== query) items.push(makeQueryItem(number, text));
      query = number;
      items.push(makeNode("li", {}, this.makeLink(answer)));
    }
    if (!items.length)
      items.push(makeNode("li", { class: "q" }, "No answer is left by these filters."));
    const hadFocus = list.contains(document.activeElement);
    list.replaceChildren(...items);
    list.scrollTop = 0;
    this.mark(this.opened);
    if (hadFocus) this.focus();
    this.markPages();
  }

  makeLink(answer) {
    const { index } = this;
    const differs = listApart(index, answer).length > 0;
    const link = makeNode("a", { href: linkAnswer(index, answer), tabindex: "-1" });
    const says = makeNode("small", { class: differs ? "flag" : null });
    link.append(
      fillText(makeNode("span"), nameAnswer(index, answer)),
      fillText(says, sumUp(index, answer)),
    );
    if (differs) link.append(makeNode("span", { class: "off" }, "the measures differ"));
    return link;
  }

  links() {
    return [...this.list.querySelectorAll("a")];
  }

  // Mark the answer that is open. The tabulator key reaches its link, else the first.
  mark(opened) {
    this.opened = opened;
    const links = this.links();
    const at = this.found.indexOf(this.opened) - this.page * LISTED;
    for (const [place, link] of links.entries()) {
      if (place === at) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
      link.tabIndex = -1;
    }
    const reached = links[at] ?? links[0];
    if (reached) reached.tabIndex = 0;
    if (links[at]) this.scrollTo(links[at]);
  }

  scrollTo(link) {
    const { list } = this;
    const top = link.offsetTop - list.offsetTop;
    const isSeen =
      top >= list.scrollTop && top + link.offsetHeight <= list.scrollTop + list.clientHeight;
    if (!isSeen) list.scrollTop = Math.max(0, top - 60);
  }

  markPages() {
    const pages = Math.ceil(this.found.length / LISTED);
    this.pages.hidden = pages < 2;
    this.before.disabled = this.page === 0;
    this.after.disabled = this.page >= pages - 1;
    if (pages > 1) {
      const first = this.page * LISTED;
      const last = Math.min(first + LISTED, this.found.length);
      this.list.setAttribute(
        "aria-label",
        `Answers found, ${formatCount(first + 1)} to ${formatCount(last)}`,
      );
    } else this.list.setAttribute("aria-label", "Answers found");
  }

  turnPage(by) {
    this.page += by;
    this.draw();
    const first = this.page * LISTED;
    this.say(
      `Answers ${formatCount(first + 1)} to ${formatCount(Math.min(first + LISTED, this.found.length))}`,
    );
  }

  // Turn to the page that an answer is on.
  turnTo(answer) {
    const at = this.found.indexOf(answer);
    if (at < 0 || Math.floor(at / LISTED) === this.page) return;
    this.page = Math.floor(at / LISTED);
    this.draw();
  }

  focus() {
    const reached = this.links().find((link) => link.tabIndex === 0);
    (reached ?? this.count).focus();
  }

  move(event) {
    const links = this.links();
    const at = links.indexOf(document.activeElement);
    const steps = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: 10,
      PageUp: -10,
      Home: -links.length,
      End: links.length,
    };
    const step = steps[event.key];
    if (at < 0 || step === undefined) return;
    event.preventDefault();
    const isPastEnd = event.key === "ArrowDown" && at === links.length - 1;
    const isPastStart = event.key === "ArrowUp" && at === 0;
    if (isPastEnd && !this.after.disabled) this.moveToPage(1, 0);
    else if (isPastStart && this.page > 0) this.moveToPage(-1, LISTED - 1);
    else this.focusLink(links, Math.max(0, Math.min(links.length - 1, at + step)));
  }

  moveToPage(by, at) {
    this.turnPage(by);
    this.focusLink(this.links(), at);
  }

  focusLink(links, at) {
    for (const link of links) link.tabIndex = -1;
    links[at].tabIndex = 0;
    links[at].focus();
  }

  openClicked(event) {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.choose(this.found[this.page * LISTED + this.links().indexOf(link)]);
  }

  // The answer so many places after the opened one, undefined where there is none.
  findNext(by) {
    const at = this.found.indexOf(this.opened);
    return at < 0 ? undefined : this.found[at + by];
  }
}

function linkAnswer(index, answer) {
  return `#answer-${encodeURIComponent(index.rows.ids[answer])}`;
}

// Say in a few words what an answer is: its kind, or what its judges say.
function sumUp(index, answer) {
  const kind = index.kind(answer);
  if (kind !== "text") return kind;
  const labels = index.judges.map((_, judge) => index.reading(answer, judge)[0]);
  return [...new Set(labels)].join(" / ") || index.proxy(answer);
}

function makeQueryItem(number, text) {
  const short = text.length > 120 ? `${text.slice(0, 120)} …` : text;
  return fillText(makeNode("li", { class: "q", dir: "auto" }), `${number}. ${short}`);
}
