"use strict";
// The fields of the filters: their names and values are those of an address.

const MOST_OPTIONS = 2_000; // of queries; more are asked for by number

function makeFilterFields(index, form) {
  const pairs = listPairs(index).map((pair) => [pair.join(","), pair.join(" and ")]);
  const fields = [
    makeField(
      "model",
      "model",
      index.models.map(([name]) => [name, name]),
    ),
    ...Object.entries(index.factors).map(([factor, levels]) =>
      makeField(
        "condition",
        factor,
        levels.map((level) => [`${factor}=${level}`, level]),
        factor,
      ),
    ),
    ...index.judges.map((judge) =>
      makeField("label", `${judge.name} says`, listLabels(judge), judge.name),
    ),
    makeField(
      "proxy",
      "proxy",
      index.proxies.map((each) => [each, each]),
    ),
    pairs.length ? makeField("differ", "disagreement", [...pairs]) : null,
    makeField(
      "kind",
      "kind",
      index.kinds.map((each) => [each, each]),
    ),
    makeQueryField(index.queries),
  ];
  form.querySelector("button").before(...fields.filter(Boolean));
}

// Return a labelled field that chooses one of [value, text], or all; its values begin with `prefix=`.
function makeField(name, label, options, prefix = "") {
  if (options.length < 2 && name !== "differ") return null;
  const choices = options.map(([value, text]) => makeOption(value, text));
  const select = makeNode("select", { name }, makeOption("", "all"), ...choices);
  select.dataset.prefix = prefix;
  return labelField(label, select);
}

function makeQueryField(queries) {
  if (queries.length > MOST_OPTIONS) {
    return labelField(
      "query, its number",
      makeNode("input", { name: "query", inputmode: "numeric" }),
    );
  }
  const name = ([number, text]) => [String(number), `${number}. ${text.slice(0, 60)}`];
  return makeField("query", "query", queries.map(name));
}

function labelField(label, field) {
  return makeNode("label", {}, fillText(makeNode("span"), label), field);
}

// The labels that a judge gives; numbers are many, so that sides stand for them.
function listLabels(judge) {
  const words = judge.readings.flatMap(([label, said]) =>
    said.includes(label.toLowerCase()) ? [label] : said.slice(0, 1),
  );
  return [...new Set(words)].map((word) => [`${judge.name}=${word}`, word]);
}

function fillFilterFields(index, form, filter) {
  const values = expandConditions(index, filter);
  for (const field of form.elements) {
    if (field.tagName === "INPUT") field.value = filter.get(field.name) ?? "";
    if (field.tagName === "SELECT") chooseValues(field, values);
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

// Choose the values that are a field's own; several, or another word for one, become an option.
function chooseValues(field, all) {
  const prefix = field.dataset.prefix ? `${field.dataset.prefix}=` : "";
  const own = all.filter(([name, value]) => name === field.name && value.startsWith(prefix));
  const values = own.map(([, value]) => value);
  const joined = values.join("\n");
  for (const added of field.querySelectorAll("option[data-added]")) added.remove();
  if (![...field.options].some((option) => option.value === joined)) {
    const option = makeOption(joined, values.map((each) => each.slice(prefix.length)).join(" or "));
    option.dataset.added = "";
    field.append(option);
  }
  field.value = joined;
}

function readFilterFields(form) {
  const filter = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    for (const each of value ? value.split("\n") : []) filter.append(name, each);
  }
  return filter;
}

function makeOption(value, name, isSelected = false) {
  const option = fillText(makeNode("option", { value }), name);
  option.selected = isSelected;
  return option;
}
