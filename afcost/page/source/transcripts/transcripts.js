"use strict";
// The transcripts' section: filters, the list, the two answers that are read, and the address that says it.
//
// `#find?…` is a filter and `#answer-ID` an answer; the entry of an answer also remembers the filter and
// what stands beside it. So back and forward lead through all that was looked at.

const TYPING = 250; // milliseconds without a key before a search begins
const TITLE = 400; // characters of a query above its answers

class TranscriptsView {
  constructor(index) {
    const say = (text) => this.say(text);
    this.index = index;
    this.filters = document.getElementById("filters");
    this.which = document.getElementById("which");
    this.before = document.getElementById("before");
    this.after = document.getElementById("after");
    this.list = new AnswerList(index, (answer) => this.openFromList(answer), say);
    this.pair = new AnswerPair(
      index,
      (answer) => this.choose(answer, this.beside === answer ? undefined : this.beside),
      (answer) => this.chooseBeside(answer),
    );
    this.filter = new URLSearchParams();
    this.opened = null;
    this.beside = null;
    this.search = 0; // number of the newest search: an older one stops
    makeFilterFields(index, this.filters);
    this.listenToFilters();
    this.listenToReader();
    addEventListener("popstate", () => this.follow());
  }

  listenToFilters() {
    let typing = 0;
    this.filters.addEventListener("input", (event) => {
      const typed = event.target.tagName === "INPUT" ? event.target.name : "";
      clearTimeout(typing);
      typing = setTimeout(() => this.takeFilter(typed), typed ? TYPING : 0);
    });
    this.filters.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(typing);
      this.takeFilter();
    });
    this.filters.addEventListener("reset", () => setTimeout(() => this.takeFilter()));
  }

  listenToReader() {
    this.before.addEventListener("click", () => this.step(-1));
    this.after.addEventListener("click", () => this.step(1));
    document.getElementById("transcript-reader").addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.list.focus();
    });
  }

  // Show what the address asks for, at first and whenever it changes.
  async follow() {
    const { hash } = location;
    if (hash.startsWith("#find?")) await this.followFilter(new URLSearchParams(hash.slice(6)));
    else if (hash.startsWith("#answer-")) await this.followAnswer(decode(hash.slice(8)));
    else if (hash === "" && String(this.filter)) await this.showFilter(new URLSearchParams());
  }

  async followFilter(filter) {
    const showing = this.showFilter(filter);
    this.list.count.focus({ preventScroll: true });
    document.getElementById("transcripts").scrollIntoView();
    await showing;
    if (this.list.found.length) await this.open(this.list.found[0]);
  }

  async followAnswer(id) {
    const remembered = history.state ?? {};
    if (remembered.filter !== undefined && remembered.filter !== String(this.filter)) {
      this.showFilter(new URLSearchParams(remembered.filter)); // a search may go on meanwhile
    }
    const answer = this.index.numbers.get(id);
    if (answer === undefined) {
      this.say(`No answer ${id}: ${this.explainUnknown()}.`);
      return;
    }
    this.list.turnTo(answer);
    await this.open(answer, this.index.numbers.get(remembered.beside));
    this.which.focus();
  }

  explainUnknown() {
    return this.index.count < this.index.total
      ? "this page has a sample of the answers, and it is not in it"
      : "this run has no such answer";
  }

  // Write what is shown into the address, as an entry of the history or into the newest one.
  write(hash, replaces = false) {
    const state = { filter: String(this.filter), beside: this.index.rows.ids[this.beside] };
    if (replaces) history.replaceState(state, "", hash);
    else history.pushState(state, "", hash);
  }

  // Take what is chosen in the fields. What is typed on is the same entry of the history.
  async takeFilter(typed = "") {
    const filter = readFilterFields(this.filters);
    if (String(filter) === String(this.filter)) return;
    const goesOn = this.filter.has(typed) && location.hash.startsWith("#find?");
    this.filter = filter;
    this.write(`#find?${filter}`, goesOn);
    await this.find();
  }

  async showFilter(filter) {
    this.filter = filter;
    fillFilterFields(this.index, this.filters, filter);
    await this.find();
  }

  async find() {
    this.search += 1;
    const candidates = filterAnswers(this.index, this.filter);
    if (this.needle()) await this.findText(candidates, this.search);
    else this.showFound(candidates);
  }

  async findText(candidates, search) {
    const tell = (found, done, blocks) => {
      if (search !== this.search) return false;
      const share = Math.floor((100 * done) / blocks);
      const progress = done < blocks ? `, searched ${share} % of the texts` : "";
      this.showFound(found, progress, done > 0);
      return true;
    };
    try {
      await searchTexts(this.index, this.pair.answers, candidates, this.needle(), tell);
    } catch (error) {
      if (search === this.search) this.list.count.replaceChildren(showFailure(error));
    }
  }

  needle() {
    return (this.filter.get("text") ?? "").trim().toLowerCase();
  }

  showFound(found, progress, keepsPage) {
    this.list.show(found, progress, keepsPage);
    this.markSteps();
  }

  async openFromList(answer) {
    await this.choose(answer);
    this.which.focus();
  }

  step(by) {
    const next = this.list.findNext(by);
    if (next === undefined) return;
    this.list.turnTo(next);
    this.choose(next);
  }

  // Open an answer that a person chose, as an entry of the history.
  async choose(answer, beside) {
    const opening = this.open(answer, beside);
    this.write(linkAnswer(this.index, answer));
    await opening;
  }

  chooseBeside(answer) {
    this.open(this.opened, answer);
    this.write(linkAnswer(this.index, this.opened), true);
  }

  async open(answer, beside = this.index.findCounterpart(answer)) {
    const { index } = this;
    this.opened = answer;
    this.beside = beside ?? null;
    const [number, text] = index.query(answer);
    const title = text.length > TITLE ? `${text.slice(0, TITLE)} …` : text;
    this.which.replaceChildren();
    fillText(this.which, `Query ${number}: ${title}`);
    this.list.mark(answer);
    this.markSteps();
    await this.pair.show(answer, this.beside, this.needle());
    const second = this.beside === null ? "" : `, beside ${nameAnswer(index, this.beside)}`;
    this.say(`Query ${number}: ${nameAnswer(index, answer)}${second}`);
  }

  markSteps() {
    this.before.disabled = this.list.findNext(-1) === undefined;
    this.after.disabled = this.list.findNext(1) === undefined;
  }

  say(text) {
    const said = document.getElementById("said");
    said.replaceChildren();
    fillText(said, text);
  }
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
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
    if (view.opened === null && view.list.found.length) view.open(view.list.found[0]);
  });
  watch.observe(app);
}

startTranscripts();
