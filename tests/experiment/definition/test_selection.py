"""Which answers a judge reads, as the experiment file says it, and what it may not say."""

from __future__ import annotations

import json

import pytest
import yaml

from experiment.definition.judges.selection import Selection
from experiment.definition.loader import load_experiment
from experiment.definition.schema import read_stored_spec
from experiment.errors import BadExperiment
from tests.runner import sample_experiment as lab


def judge(name, **fields):
    messages = [{"role": "user", "content": "{{ output }}"}]
    sampling = {"max_tokens": 8}
    return {
        "name": name,
        "model": lab.MODEL,
        "messages": messages,
        "sampling": sampling,
        **fields,
    }


@pytest.fixture
def load(tmp_path):
    def load(*judges, **changes):
        path = lab.write(tmp_path, judges=[judge(f"j{n}", **f) for n, f in enumerate(judges)])
        given = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump(given | changes, sort_keys=False))
        return load_experiment(str(path)).spec

    return load


def when_of(spec, number=0):
    return spec.judges[number].when


def test_all_parts_are_read_one_word_or_several(load):
    when = {
        "kind": "text",
        "proxy": ["accepted", "none"],
        "condition": {"tier": "free", "style": ["cot", "plain"]},
        "judge": {"j1": "yes"},
        "rest": "10%",
    }
    read = when_of(load({"when": when}, {}))
    assert read == Selection(
        kind=("text",),
        proxy=("accepted", "none"),
        condition={"tier": ("free",), "style": ("cot", "plain")},
        judge={"j1": ("yes",)},
        rest=0.1,
    )
    assert str(read) == (
        "{kind: [text], proxy: [accepted, none], condition: {tier: [free], style: [cot, plain]}, "
        "judge: {j1: [yes]}, rest: 0.1}"
    )


@pytest.mark.parametrize("word", ["always", "answered", "not-refused", "accepted"])
def test_words_remain(load, word):
    assert when_of(load({"when": word})) == word


@pytest.mark.parametrize(
    ("written", "share"),
    [("10%", 0.1), (0.1, 0.1), ("0.25", 0.25), ("12.5 %", 0.125), (1, 1.0), ("100%", 1.0)],
)
def test_a_share_is_a_number_or_in_percent(load, written, share):
    assert when_of(load({"when": {"proxy": "accepted", "rest": written}})).rest == share


def test_no_share_is_none_of_the_rest(load):
    assert when_of(load({"when": {"proxy": "accepted", "rest": 0}})).rest is None


@pytest.mark.parametrize("written", [10, "10", "110%", -0.1, "-1%", "some", "", True, "nan", [0.1]])
def test_what_is_no_share_is_refused(load, written):
    with pytest.raises(BadExperiment, match=r"judges\.0\.when\.rest: .*such as 10% or 0\.1"):
        load({"when": {"proxy": "accepted", "rest": written}})


@pytest.mark.parametrize(
    ("when", "place", "said"),
    [
        ({"kind": "texts"}, "when.kind.0", "'text', 'refused', 'filtered'"),
        ({"kind": "failed"}, "when.kind.0", "'text', 'refused', 'filtered'"),
        ({"kind": []}, "when.kind", "at least 1"),
        ({"proxy": "refused"}, "when.proxy.0", "'accepted', 'rejected' or 'none'"),
        ({"condition": {"teir": "free"}}, "j0.when.condition", "'teir' is not a factor; factors: "),
        ({"condition": {"tier": "gold"}}, "j0.when.condition.tier", "levels: free, paid"),
        ({"condition": {"tier": []}}, "when.condition.tier", "at least 1"),
        ({"judge": {"other": "positive"}}, "j0.when.judge", "'other' is not a judge; other judges"),
        ({"judge": {"j1": "maybe"}}, "j0.when.judge.j1", "positive, negative, missing, yes, no"),
        ({"judge": {"j0": "positive"}}, "j0.when.judge", "cannot wait for itself"),
        ({"judge": {"subject": "positive"}}, "j0.when.judge", "not a judge"),
        ({}, "when", "name at least one of kind, proxy, condition, judge"),
        ({"rest": 0}, "when", "name at least one of"),
        ({"share": "10%"}, "when.share", "known fields: kind, proxy, condition, judge, rest"),
        ("sometimes", "when", "'always', 'answered', 'not-refused' or 'accepted'"),
        (["accepted"], "when", "'always', 'answered', 'not-refused' or 'accepted'"),
        (None, "when", "'always', 'answered', 'not-refused' or 'accepted'"),
        ({"kind": "truncated"}, "j0.when.kind", "write `answer: {truncated: judged}`"),
    ],
)
def test_what_names_nothing_is_refused_with_what_can_be_named(load, when, place, said):
    with pytest.raises(BadExperiment) as error:
        load({"when": when}, {})
    assert place in str(error.value)
    assert said in str(error.value)
    assert "[word]" not in str(error.value)
    assert "[mapping]" not in str(error.value)


def test_judges_that_wait_for_each_other_are_refused_with_the_circle(load):
    with pytest.raises(BadExperiment, match="wait for each other: j1 -> j2 -> j1"):
        load(
            {"when": {"judge": {"j1": "positive"}}},
            {"when": {"judge": {"j2": "positive"}}},
            {"when": {"judge": {"j1": "negative"}}},
        )


def test_a_judge_may_wait_for_one_that_stands_below_it(load):
    spec = load({"when": {"judge": {"j1": "positive"}}}, {})
    assert when_of(spec).waits_for == ("j1",)


def test_words_that_yaml_reads_as_booleans_are_levels_and_values(tmp_path):
    path = lab.write(tmp_path, judges=[judge("j0", when="always"), judge("j1")])
    text = path.read_text().replace("when: always", "when: {judge: {j1: [no]}, proxy: none}")
    path.write_text(text)
    when = load_experiment(str(path)).spec.judges[0].when
    assert (when.judge, when.proxy) == ({"j1": ("no",)}, ("none",))


def test_a_kind_is_narrowed_among_what_is_judged(load):
    answer = {"truncated": "judged"}
    assert when_of(load({"when": {"kind": "truncated"}}, answer=answer)).kind == ("truncated",)


def test_what_is_stored_is_read_again_and_a_word_is_stored_as_before(load):
    spec = load({"when": {"proxy": "accepted", "rest": "10%"}}, {"when": "accepted"})
    stored = json.loads(json.dumps(spec.to_stored()))
    assert stored["judges"][0]["when"] == {"proxy": ["accepted"], "rest": 0.1}
    assert stored["judges"][1]["when"] == "accepted"
    assert read_stored_spec(stored) == spec
