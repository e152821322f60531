"use strict";

// The index, and which of its answers a filter leaves. An answer is the number of its row.

const READ_AHEAD = 3; // blocks that are inflated while one is searched

class AnswerIndex {
  constructor(document) {
    Object.assign(this, document);
    const [ids, models, conditions, queries, samples, kinds, proxies, ...readings] =
      document.columns;
    this.rows = { ids, models, conditions, queries, samples, kinds, proxies, readings };
    this.count = ids.length;
    this.numbers = new Map(ids.map((id, number) => [id, number]));
    this.judgeNames = this.judges.map((judge) => judge.name);
  }

  model(answer) {
    return this.models[this.rows.models[answer]][0];
  }

  condition(answer) {
    return this.conditions[this.rows.conditions[answer]];
  }

  // The index and the text of its query.
  query(answer) {
    return this.queries[this.rows.queries[answer]];
  }

  kind(answer) {
    return this.kinds[this.rows.kinds[answer]];
  }

  proxy(answer) {
    return this.proxies[this.rows.proxies[answer]];
  }

  // What a judge says: its label, the words that it answers to, and its side of one half.
  reading(answer, judge) {
    return this.judges[judge].readings[this.rows.readings[judge][answer]];
  }

  // On which side of one half a measure is, null where it says nothing.
  side(answer, measure) {
    if (measure !== "proxy") return this.reading(answer, this.judgeNames.indexOf(measure))[2];
    return { accepted: true, rejected: false }[this.proxy(answer)] ?? null;
  }

  differ(answer, [one, other]) {
    const sides = [this.side(answer, one), this.side(answer, other)];
    return this.kind(answer) === "text" && !sides.includes(null) && sides[0] !== sides[1];
  }

  // The answers to the same query and of the same sample, by other models or in other conditions.
  listRelated(answer) {
    const { queries, samples } = this.rows;
    const related = [];
    for (let each = 0; each < this.count; each += 1) {
      if (queries[each] === queries[answer] && samples[each] === samples[answer])
        related.push(each);
    }
    return related;
  }

  // What stands beside an answer at first: the compared factor's other level, else anything else.
  findCounterpart(answer) {
    const own = this.levels[this.condition(answer)] ?? {};
    const others = this.listRelated(answer).filter((each) => each !== answer);
    const isOther = (each) =>
      this.model(each) === this.model(answer) &&
      Object.entries(this.levels[this.condition(each)] ?? {}).every(
        ([factor, level]) => (level !== own[factor]) === (factor === this.compared),
      );
    return others.find(isOther) ?? others[0] ?? null;
  }
}

// Return the answers that a filter leaves, but for the text that is searched for.
function filterAnswers(index, filter) {
  const tests = [
    ...testColumn(filter.getAll("model"), index.models, index.rows.models, ([, names], value) =>
      names.includes(value.toLowerCase()),
    ),
    ...testConditions(index, filter.getAll("condition")),
    ...testColumn(
      filter.getAll("query"),
      index.queries,
      index.rows.queries,
      ([number], value) => String(number) === value,
    ),
    ...testColumn(filter.getAll("kind"), index.kinds, index.rows.kinds, isSame),
    ...testColumn(filter.getAll("proxy"), index.proxies, index.rows.proxies, isSame),
    ...testSamples(index, filter.getAll("sample")),
    ...testLabels(index, filter.getAll("label")),
    ...testDiffer(index, filter.getAll("differ")),
  ];
  const found = [];
  for (let answer = 0; answer < index.count; answer += 1) {
    if (tests.every((test) => test(answer))) found.push(answer);
  }
  return found;
}

function isSame(known, value) {
  return known === value.toLowerCase();
}

// Return a test of a column's numbers: those of known things of which one of the values holds.
function testColumn(values, known, column, holds) {
  if (!values.length) return [];
  const taken = known.map((each) => values.some((value) => holds(each, value)));
  return [(answer) => taken[column[answer]]];
}

// Of several levels of one factor one must hold, of different factors all.
function testConditions(index, values) {
  const wanted = new Map();
  for (const value of values) {
    const [factor, level] = index.conditions.includes(value) ? ["", value] : splitPair(value);
    wanted.set(factor, [...(wanted.get(factor) ?? []), level]);
  }
  return [...wanted].flatMap(([factor, levels]) =>
    testColumn(levels, index.conditions, index.rows.conditions, (name, level) =>
      factor ? index.levels[name]?.[factor] === level : name === level,
    ),
  );
}

function testSamples(index, values) {
  return values.length ? [(answer) => values.includes(String(index.rows.samples[answer]))] : [];
}

function testLabels(index, values) {
  const wanted = new Map();
  for (const value of values) {
    const [judge, word] = splitPair(value);
    wanted.set(judge, [...(wanted.get(judge) ?? []), word]);
  }
  return [...wanted].flatMap(([name, words]) => {
    const judge = index.judgeNames.indexOf(name);
    if (judge < 0) return [() => false];
    return testColumn(
      words,
      index.judges[judge].readings,
      index.rows.readings[judge],
      ([, said], word) => said.includes(word.toLowerCase()),
    );
  });
}

function testDiffer(index, values) {
  return values.map((value) => {
    const pair = value === "proxy" ? ["proxy", index.measure] : value.split(",");
    const known = ["proxy", ...index.judgeNames];
    const isPair = pair.length === 2 && pair.every((each) => known.includes(each));
    return (answer) => isPair && index.differ(answer, pair);
  });
}

function splitPair(value) {
  const at = value.indexOf("=");
  return at < 0 ? [value, ""] : [value.slice(0, at), value.slice(at + 1)];
}

// Find a text in the queries at once, then in the other texts, block by block.
// tell(found, done, blocks) is called in between; it returns false to stop.
async function searchTexts(index, reader, candidates, needle, tell) {
  const inQuery = index.queries.map(([, text]) => text.toLowerCase().includes(needle));
  const isFound = new Set(candidates.filter((each) => inQuery[index.rows.queries[each]]));
  const blocks = groupByBlock(
    reader,
    candidates.filter((each) => !isFound.has(each)),
  );
  const list = () => candidates.filter((each) => isFound.has(each));
  let done = 0;
  let told = performance.now();
  if (!tell(list(), done, blocks.size)) return;
  const order = [...blocks.keys()];
  for (const [block, answers] of blocks) {
    const records = await reader.readBlock(block);
    for (const next of order.slice(done + 1, done + 1 + READ_AHEAD)) reader.readBlock(next);
    const first = reader.written[block][0];
    for (const each of answers) if (hasText(records[each - first], needle)) isFound.add(each);
    done += 1;
    if (performance.now() - told < 200 && done < blocks.size) continue;
    if (!tell(list(), done, blocks.size)) return;
    told = performance.now();
  }
}

function groupByBlock(reader, answers) {
  const blocks = new Map();
  for (const each of answers) {
    const block = reader.findBlock(each);
    if (!blocks.has(block)) blocks.set(block, []);
    blocks.get(block).push(each);
  }
  return blocks;
}

function hasText(record, needle) {
  const thoughts = record.thoughts.map(([, text]) => text);
  return [record.output, record.refusal, ...thoughts].some((text) =>
    text.toLowerCase().includes(needle),
  );
}
