"use strict";
// The transcripts' section: filters, the list, the two answers that are read, and the address that says it.
//
// `#find?…` is a filter and `#answer-ID` an answer; the entry of an answer also remembers the filter and
// what stands beside it. So back and forward lead through all that was looked at.

const LISTED = 100; // answers on a page of the list
const TYPING = 250; // milliseconds without a key before a search begins

class TranscriptsView {
  constructor(index) {
    this.index = index;
    this.answers = new BlockReader("answers", index.blocks.answers, index.folder);
    this.prompts = new BlockReader("prompts", index.blocks.prompts, index.folder);
    this.part = Object.fromEntries(
      [
        "filters",
        "found",
        "list",
        "list-pages",
        "list-before",
        "list-after",
        "transcript-reader",
        "which",
        "before",
        "after",
        "pair",
        "said",
      ].map((id) => [id, document.getElementById(id)]),
    );
    this.filter = new URLSearchParams();
    this.found = [];
    this.page = 0;
    this.opened = null;
    this.beside = null;
    this.search = 0; // number of the newest search: an older one stops
    this.panes = ["shown", "beside it"].map((name) => this.makePane(name));
    makeFilterFields(index, this.part.filters);
    this.listen();
  }

  listen() {
    const { filters, list, before, after } = this.part;
    let typing = 0;
    filters.addEventListener("input", (event) => {
      clearTimeout(typing);
      const isTyped = event.target.name === "text";
      typing = setTimeout(() => this.takeFilter(isTyped), isTyped ? TYPING : 0);
    });
    filters.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(typing);
      this.takeFilter(false);
    });
    filters.addEventListener("reset", () => setTimeout(() => this.takeFilter(false)));
    list.addEventListener("keydown", (event) => this.moveInList(event));
    list.addEventListener("click", (event) => this.openClicked(event));
    this.part["list-before"].addEventListener("click", () => this.turnPage(-1));
    this.part["list-after"].addEventListener("click", () => this.turnPage(1));
    before.addEventListener("click", () => this.step(-1));
    after.addEventListener("click", () => this.step(1));
    this.part["transcript-reader"].addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.focusList();
    });
    addEventListener("popstate", () => this.follow());
  }

  // --- the address ---

  // Show what the address asks for, at first and whenever it changes.
  async follow() {
    const { hash } = location;
    if (hash.startsWith("#find?")) {
      await this.showFilter(new URLSearchParams(hash.slice(6)));
      this.part.found.focus({ preventScroll: true });
      document.getElementById("transcripts").scrollIntoView();
      if (this.found.length) await this.open(this.found[0]);
    } else if (hash.startsWith("#answer-")) {
      await this.followAnswer(hash.slice(8));
    } else if (hash === "" && this.filter.size) {
      await this.showFilter(new URLSearchParams());
    }
  }

  async followAnswer(id) {
    const { index } = this;
    const remembered = history.state ?? {};
    if (remembered.filter !== undefined && remembered.filter !== String(this.filter)) {
      await this.showFilter(new URLSearchParams(remembered.filter));
    }
    const answer = index.numbers.get(decode(id));
    if (answer === undefined) {
      const why =
        index.count < index.total
          ? "this page has a sample of the answers, and it is not in it"
          : "this run has no such answer";
      this.say(`No answer ${id}: ${why}.`);
      return;
    }
    this.listPageOf(answer);
    await this.open(answer, index.numbers.get(remembered.beside));
    this.part.which.focus();
  }

  write(hash, replaces = false) {
    const beside = this.index.rows.ids[this.beside];
    const state = { filter: String(this.filter), beside };
    if (replaces) history.replaceState(state, "", hash);
    else history.pushState(state, "", hash);
  }

  // --- filters ---

  async takeFilter(isTyped) {
    const filter = new URLSearchParams();
    for (const [name, value] of new FormData(this.part.filters)) {
      for (const each of value ? value.split("\n") : []) filter.append(name, each);
    }
    if (String(filter) === String(this.filter)) return;
    const goesOn = isTyped && this.filter.has("text") && location.hash.startsWith("#find?");
    this.filter = filter;
    this.write(`#find?${filter}`, goesOn);
    await this.find();
  }

  async showFilter(filter) {
    this.filter = filter;
    fillFilterFields(this.index, this.part.filters, filter);
    await this.find();
  }

  async find() {
    this.search += 1;
    const { search } = this;
    const needle = this.needle();
    const candidates = filterAnswers(this.index, this.filter);
    if (!needle) {
      this.showFound(candidates);
      return;
    }
    const tell = (found, done, blocks) => {
      if (search !== this.search) return false;
      this.showFound(
        found,
        done < blocks ? `, searched ${Math.floor((100 * done) / blocks)} % of the texts` : "",
        done > 0,
      );
      return true;
    };
    try {
      await searchTexts(this.index, this.answers, candidates, needle, tell);
    } catch (error) {
      if (search === this.search) this.part.found.replaceChildren(showFailure(error));
    }
  }

  needle() {
    return (this.filter.get("text") ?? "").trim().toLowerCase();
  }

  showFound(found, progress = "", keepsPage = false) {
    this.found = found;
    this.page = keepsPage
      ? Math.min(this.page, Math.max(0, Math.ceil(found.length / LISTED) - 1))
      : 0;
    const { count, total } = this.index;
    const of =
      count < total
        ? `${formatCount(count)} answers in the sample`
        : `${formatCount(count)} answers`;
    this.part.found.textContent = `${formatCount(found.length)} of ${of}${progress}`;
    this.drawList();
    this.markSteps();
  }

  // --- the list ---

  drawList() {
    const { list } = this.part;
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
    this.markOpened();
    if (hadFocus) this.focusList();
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
    return [...this.part.list.querySelectorAll("a")];
  }

  // The tabulator key reaches one link of the list: the opened one, else the first.
  markOpened() {
    const links = this.links();
    const at = this.found.indexOf(this.opened) - this.page * LISTED;
    for (const [place, link] of links.entries()) {
      if (place === at) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
      link.tabIndex = -1;
    }
    const reached = links[at] ?? links[0];
    if (reached) reached.tabIndex = 0;
    if (links[at]) this.scrollInList(links[at]);
  }

  scrollInList(link) {
    const { list } = this.part;
    const top = link.offsetTop - list.offsetTop;
    const isSeen =
      top >= list.scrollTop && top + link.offsetHeight <= list.scrollTop + list.clientHeight;
    if (!isSeen) list.scrollTop = Math.max(0, top - 60);
  }

  markPages() {
    const pages = Math.ceil(this.found.length / LISTED);
    this.part["list-pages"].hidden = pages < 2;
    this.part["list-before"].disabled = this.page === 0;
    this.part["list-after"].disabled = this.page >= pages - 1;
    if (pages > 1) {
      const first = this.page * LISTED;
      const last = Math.min(first + LISTED, this.found.length);
      this.part.list.setAttribute(
        "aria-label",
        `Answers found, ${formatCount(first + 1)} to ${formatCount(last)}`,
      );
    } else this.part.list.setAttribute("aria-label", "Answers found");
  }

  turnPage(by) {
    this.page += by;
    this.drawList();
    const first = this.page * LISTED;
    this.say(
      `Answers ${formatCount(first + 1)} to ${formatCount(Math.min(first + LISTED, this.found.length))}`,
    );
  }

  listPageOf(answer) {
    const at = this.found.indexOf(answer);
    if (at < 0 || Math.floor(at / LISTED) === this.page) return;
    this.page = Math.floor(at / LISTED);
    this.drawList();
  }

  focusList() {
    const reached = this.links().find((link) => link.tabIndex === 0);
    (reached ?? this.part.found).focus();
  }

  moveInList(event) {
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
    if (isPastEnd && !this.part["list-after"].disabled) this.moveToPage(1, 0);
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

  // --- the two answers ---

  openClicked(event) {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const at = this.links().indexOf(link);
    this.choose(this.found[this.page * LISTED + at]).then(() => this.part.which.focus());
  }

  step(by) {
    const next = this.found[this.found.indexOf(this.opened) + by];
    if (next === undefined) return;
    this.listPageOf(next);
    this.choose(next);
  }

  // Open an answer that a person chose, as an entry of the history.
  async choose(answer, beside) {
    const opening = this.open(answer, beside);
    this.write(linkAnswer(this.index, answer));
    await opening;
  }

  async open(answer, beside = this.index.findCounterpart(answer)) {
    const { index } = this;
    this.opened = answer;
    this.beside = beside ?? null;
    const [number, text] = index.query(answer);
    this.part.which.replaceChildren();
    fillText(
      this.part.which,
      `Query ${number}: ${text.length > 400 ? `${text.slice(0, 400)} …` : text}`,
    );
    this.markOpened();
    this.markSteps();
    const shown = [this.opened, this.beside];
    this.part.pair.replaceChildren(
      ...this.panes.filter((_, at) => shown[at] !== null).map((pane) => pane.article),
    );
    await Promise.all(this.panes.map((pane, at) => this.fillPane(pane, shown[at])));
    const second = this.beside === null ? "" : `, beside ${nameAnswer(index, this.beside)}`;
    this.say(`Query ${number}: ${nameAnswer(index, answer)}${second}`);
  }

  markSteps() {
    const at = this.found.indexOf(this.opened);
    this.part.before.disabled = at <= 0;
    this.part.after.disabled = at < 0 || at >= this.found.length - 1;
  }

  makePane(name) {
    const choice = makeNode("select", { "aria-label": `answer ${name}` });
    const link = makeNode("a", { class: "screen" }, "link");
    const body = makeNode("div");
    const article = makeNode(
      "article",
      { class: "pane" },
      makeNode("div", { class: "pane-head" }, choice, link),
      body,
    );
    choice.addEventListener("change", () => this.chooseInPane(name, Number(choice.value)));
    return { article, choice, link, body, answer: null };
  }

  chooseInPane(name, answer) {
    if (name === "shown") this.choose(answer, this.beside === answer ? undefined : this.beside);
    else {
      this.open(this.opened, answer);
      this.write(linkAnswer(this.index, this.opened), true);
    }
  }

  async fillPane(pane, answer) {
    pane.answer = answer;
    if (answer === null) return;
    const { index } = this;
    const name = nameAnswer(index, answer);
    pane.article.setAttribute("aria-label", name);
    pane.link.href = linkAnswer(index, answer);
    pane.link.setAttribute("aria-label", `link to ${name}`);
    pane.choice.replaceChildren(
      ...index
        .listRelated(answer)
        .map((each) => makeOption(each, nameAnswer(index, each), each === answer)),
    );
    let shown;
    try {
      const record = await this.answers.readItem(answer);
      shown = showAnswer(index, answer, record, this.needle(), (number) =>
        this.prompts.readItem(number),
      );
    } catch (error) {
      shown = [showFailure(error)];
    }
    if (pane.answer === answer) pane.body.replaceChildren(...shown);
  }

  say(text) {
    this.part.said.replaceChildren();
    fillText(this.part.said, text);
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

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function makeQueryItem(number, text) {
  const short = text.length > 120 ? `${text.slice(0, 120)} …` : text;
  return fillText(makeNode("li", { class: "q", dir: "auto" }), `${number}. ${short}`);
}

function makeOption(value, name, isSelected = false) {
  const option = fillText(makeNode("option", { value }), name);
  option.selected = isSelected;
  return option;
}

// --- the fields of the filters: their names and values are those of an address ---

function makeFilterFields(index, form) {
  const button = form.querySelector("button");
  const add = (name, label, options, least = 2) => {
    if (options.length < least) return;
    const select = makeNode(
      "select",
      { name },
      makeOption("", "all"),
      ...options.map(([value, text]) => makeOption(value, text)),
    );
    button.before(makeNode("label", {}, fillText(makeNode("span"), label), select));
  };
  const plain = (values) => values.map((each) => [each, each]);
  add("model", "model", plain(index.models.map(([name]) => name)));
  for (const [factor, levels] of Object.entries(index.factors)) {
    add(
      "condition",
      factor,
      levels.map((level) => [`${factor}=${level}`, level]),
    );
  }
  for (const judge of index.judges) add("label", `${judge.name} says`, listLabels(judge));
  add("proxy", "proxy", plain(index.proxies));
  add(
    "differ",
    "disagreement",
    listPairs(index).map((pair) => [pair.join(","), pair.join(" and ")]),
    1,
  );
  add("kind", "kind", plain(index.kinds));
  add(
    "query",
    "query",
    index.queries.map(([number, text]) => [String(number), `${number}. ${text.slice(0, 60)}`]),
  );
}

// The labels that a judge gives; numbers are many, so that sides stand for them.
function listLabels(judge) {
  const words = judge.readings.flatMap(([label, said]) =>
    said.includes(label.toLowerCase()) ? [label] : said.slice(0, 1),
  );
  return [...new Set(words)].map((word) => [`${judge.name}=${word}`, word]);
}

function fillFilterFields(index, form, filter) {
  const left = new URLSearchParams(expandConditions(index, filter));
  for (const field of form.elements) {
    if (!field.name) continue;
    for (const added of field.querySelectorAll?.("option[data-added]") ?? []) added.remove();
    field.value = "";
    if (field.name === "text") field.value = filter.get("text") ?? "";
    else takeValues(field, left);
  }
}

// A condition is named by the levels of its factors, of which each has a field.
function expandConditions(index, filter) {
  return [...filter].flatMap(([name, value]) => {
    const levels = name === "condition" ? index.levels[value] : undefined;
    return levels && filter.getAll("condition").length === 1
      ? Object.entries(levels).map(([factor, level]) => [name, `${factor}=${level}`])
      : [[name, value]];
  });
}

// Take the values of a field's name that it has an option for; several, or another word for one, become
// an option of their own.
function takeValues(field, left) {
  const own = [...field.options].map((option) => option.value);
  const prefix = own[1]?.includes("=") ? own[1].split("=")[0] : "";
  const isOwn = (value) => !prefix || value.startsWith(`${prefix}=`);
  const values = left.getAll(field.name).filter(isOwn);
  for (const value of values) left.delete(field.name, value);
  if (!values.length) return;
  const joined = values.join("\n");
  if (!own.includes(joined)) {
    const shown = values.map((value) => value.slice(prefix ? prefix.length + 1 : 0)).join(" or ");
    const option = makeOption(joined, shown);
    option.dataset.added = "";
    field.append(option);
  }
  field.value = joined;
}

async function startTranscripts() {
  const app = document.getElementById("transcripts-app");
  app.hidden = false;
  try {
    const index = new AnswerIndex(
      JSON.parse(await inflate(document.getElementById("transcripts-index").textContent)),
    );
    const view = new TranscriptsView(index);
    await view.find();
    openWhenSeen(view, app);
    await view.follow();
  } catch (error) {
    app.prepend(showFailure(error));
  }
}

// No text is read before somebody comes to the section.
function openWhenSeen(view, app) {
  const watch = new IntersectionObserver((entries) => {
    if (!entries.some((each) => each.isIntersecting)) return;
    watch.disconnect();
    if (view.opened === null && view.found.length) view.open(view.found[0]);
  });
  watch.observe(app);
}

startTranscripts();
