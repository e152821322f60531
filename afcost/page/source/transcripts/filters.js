"use strict";
// The fields of the filters: their names and values are those of an address.

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
