"use strict";
// Two answers side by side: each with a field that chooses another one to the same query.

class AnswerPair {
  // chooseShown and chooseBeside take the answer that is chosen in a field.
  constructor(index, chooseShown, chooseBeside) {
    this.index = index;
    this.answers = new BlockReader("answers", index.blocks.answers, index.folder);
    this.prompts = new BlockReader("prompts", index.blocks.prompts, index.folder);
    this.pair = document.getElementById("pair");
    this.panes = [
      this.makePane("answer shown", chooseShown),
      this.makePane("answer beside it", chooseBeside),
    ];
  }

  // Show an answer, and another one where there is one.
  async show(answer, beside, needle) {
    const shown = [answer, beside];
    const used = this.panes.filter((_, at) => shown[at] !== null);
    this.pair.replaceChildren(...used.map((pane) => pane.article));
    await Promise.all(this.panes.map((pane, at) => this.fillPane(pane, shown[at], needle)));
  }

  makePane(name, choose) {
    const choice = makeNode("select", { "aria-label": name });
    const link = makeNode("a", { class: "screen" }, "link");
    const body = makeNode("div");
    const article = makeNode(
      "article",
      { class: "pane" },
      makeNode("div", { class: "pane-head" }, choice, link),
      body,
    );
    choice.addEventListener("change", () => choose(Number(choice.value)));
    return { article, choice, link, body, answer: null };
  }

  async fillPane(pane, answer, needle) {
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
      shown = showAnswer(index, answer, record, needle, (number) => this.prompts.readItem(number));
    } catch (error) {
      shown = [showFailure(error)];
    }
    if (pane.answer === answer) pane.body.replaceChildren(...shown);
  }
}
