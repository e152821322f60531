"use strict";
// One answer as it is read: what it is, what was said of it, its texts, and its prompt.

const THOUGHTS = {
  scratchpad: "Scratchpad",
  native: "Native reasoning",
  summary: "Native reasoning, summed up by its provider",
  think: "Reasoning in think tags",
};
const KINDS = {
  refused: "its provider or its model says that it refuses",
  filtered: "a filter kept it back",
  truncated: "it ended before it was finished",
  empty: "nothing came back",
  failed: "the request failed",
};

function formatCount(number) {
  return number.toLocaleString("en");
}

// Show an amount to the cent, a smaller one to two digits.
function formatDollars(amount) {
  const value = Number(amount);
  const digits = value && value < 0.1 ? Math.min(12, 1 - Math.floor(Math.log10(value))) : 2;
  return `$${value.toFixed(digits)}`;
}

function nameAnswer(index, answer) {
  const sample = index.rows.samples[answer];
  return `${index.model(answer)}, ${index.condition(answer) || "one condition"}${sample ? `, sample ${sample}` : ""}`;
}

// Return all that is shown of an answer. readPrompt(number) reads a text of its prompt.
function showAnswer(index, answer, record, needle, readPrompt) {
  return [
    showFacts(index, answer, record),
    ...record.thoughts.flatMap(([form, text]) =>
      showText(THOUGHTS[form] ?? `Reasoning (${form})`, text, needle, "think"),
    ),
    ...(record.output
      ? showText("Output", record.output, needle)
      : [makeNode("p", { class: "muted" }, "No output.")]),
    ...(record.refusal ? showText("Refusal", record.refusal, needle) : []),
    ...record.judges.map((judge, number) => showJudge(index, answer, judge, number)),
    showPrompt(record, readPrompt),
  ];
}

function showText(name, text, needle, kind) {
  return [makeNode("h4", {}, name), makeTextBox(text, name, needle, kind)];
}

function showFacts(index, answer, record) {
  const kind = index.kind(answer);
  const facts = [["proxy", index.proxy(answer)]];
  if (kind !== "text") facts.unshift(["kind", `${kind}: ${KINDS[kind] ?? ""}`, "flag"]);
  if (!["", "stop", kind].includes(record.finish)) facts.push(["ended", record.finish]);
  for (const [number, judge] of index.judges.entries()) {
    facts.push([
      judge.name,
      [index.reading(answer, number)[0], record.judges[number].tally].filter(Boolean).join(", "),
    ]);
  }
  const apart = listApart(index, answer);
  if (apart.length) facts.push(["differ", apart.join("; "), "flag"]);
  facts.push(["tokens", describeTokens(record)], ["cost", describeCost(record)]);
  return makeFactList(facts);
}

function makeFactList(facts) {
  const list = makeNode("dl");
  for (const [name, value, kind] of facts) {
    list.append(fillText(makeNode("dt"), name), fillText(makeNode("dd", { class: kind }), value));
  }
  return list;
}

// The measures that say something else of an answer: the proxy against each judge, and the judges.
function listApart(index, answer) {
  return listPairs(index)
    .filter((pair) => index.differ(answer, pair))
    .map(([one, other]) => `${one} and ${other}`);
}

function listPairs(index) {
  const measures = [
    "proxy",
    ...index.judges.filter((judge) => judge.canDiffer).map((judge) => judge.name),
  ];
  return measures.flatMap((one, at) => measures.slice(at + 1).map((other) => [one, other]));
}

function describeTokens(record) {
  const [input, cached, output, reasoning] = record.tokens;
  const more = (count, what) => (count ? ` (${formatCount(count)} ${what})` : "");
  const turns = record.turns > 1 ? `, in ${record.turns} turns` : "";
  return `${formatCount(input)} in${more(cached, "cached")}, ${formatCount(output)} out${more(reasoning, "reasoning")}${turns}`;
}

function describeCost(record) {
  const judged = record.judges.reduce((sum, judge) => sum + Number(judge.cost), 0);
  return `${formatDollars(record.cost)}${judged ? `, judges ${formatDollars(judged)}` : ""}`;
}

function showJudge(index, answer, judge, number) {
  const { name, model } = index.judges[number];
  const [label] = index.reading(answer, number);
  const cost = Number(judge.cost) ? ` · ${formatDollars(judge.cost)}` : "";
  const why = label === "missing" && judge.unreadable ? ` (${judge.unreadable})` : "";
  const summary = makeNode("summary", {}, "Judge ");
  fillText(summary, [`${name}: ${label}${why}`, judge.tally].filter(Boolean).join(", ") + cost);
  const details = makeNode(
    "details",
    {},
    summary,
    fillText(makeNode("p", { class: "muted" }), model),
  );
  details.append(...judge.votes.flatMap((vote, at) => showVote(vote, at, judge.votes.length)));
  if (!judge.votes.length) {
    const why = judge.byRule
      ? "By the answer's kind or the proxy; the judge was not asked."
      : "No verdict.";
    details.append(makeNode("p", {}, why));
  }
  return details;
}

function showVote(vote, at, count) {
  const scores = Object.entries(vote.scores).map(([name, value]) => `${name} ${value}`);
  const head = [...(count > 1 ? [`vote ${at}`] : []), vote.says, ...scores].join(", ");
  return [
    fillText(makeNode("h5"), head),
    ...(vote.reasoning ? [makeTextBox(vote.reasoning, `${head}, reasoning`, "", "think")] : []),
    makeTextBox(vote.text, head),
  ];
}

// A prompt is read when it is opened: its texts are in blocks of their own.
function showPrompt(record, readPrompt) {
  const details = makeNode("details", {}, makeNode("summary", {}, "Prompt"));
  if (!record.messages) {
    details.append(makeNode("p", {}, "Not kept: an earlier version made this run folder."));
    return details;
  }
  const fill = async () => {
    const texts = await Promise.all(record.messages.map(([, number]) => readPrompt(number)));
    record.messages.forEach(([role], at) => details.append(...showText(role, texts[at], "")));
  };
  details.addEventListener(
    "toggle",
    () => fill().catch((error) => details.append(showFailure(error))),
    { once: true },
  );
  return details;
}

function showFailure(error) {
  return makeNode(
    "p",
    { class: "flag", role: "alert" },
    error instanceof TextsError ? error.message : `The texts cannot be read: ${error.message}`,
  );
}
