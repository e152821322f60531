"""An experiment's text changes in the places of what is changed, and nowhere else."""

from __future__ import annotations

import yaml

from experiment.editing import Asked, AskedChanges, Changes, ask_in_text, change_text

IN_LINES = """\
# Mine
name: b
models:
  # the first
  - claude-sonnet-4.5   # costly
  - name: gpt-4.1
    sampling: {temperature: 0.5}
factors:
  tier: {free: {}, paid: {}}
  reasoning:
    cot:
      system: a.md
    # without
    no-cot: {system: b.md}

queries:
  file: queries.csv   # mine
  column: goal
expect:
  cot: scratchpad # long
  no-cot: answer
"""

IN_BRACKETS = """\
models: [a, b] # two
factors:
  reasoning: {cot: {x: 1}, no-cot: {x: 2}}
queries: {file: queries.csv, limit: 900} # of many
samples: 1 # for now
expect: {cot: scratchpad}
"""


def make_changes(
    models: tuple[str, ...], levels: dict[str, list[str]], target: str | None = None
) -> Changes:
    return Changes(60, 4, models, levels, target)


def test_a_file_in_lines_keeps_its_comments_and_its_layout() -> None:
    changed = change_text(IN_LINES, make_changes(("gpt-4.1",), {"reasoning": ["no-cot"]}))
    assert changed == IN_LINES.replace("  - claude-sonnet-4.5   # costly\n", "").replace(
        "    cot:\n      system: a.md\n", ""
    ).replace("  cot: scratchpad # long\n", "").replace(
        "queries:\n", "samples: 4\nqueries:\n  limit: 60\n"
    )


def test_a_file_in_brackets_keeps_its_comments_and_its_layout() -> None:
    changed = change_text(IN_BRACKETS, make_changes(("b",), {"reasoning": ["no-cot"]}))
    assert changed == (
        "models: [b] # two\n"
        "factors:\n"
        "  reasoning: {no-cot: {x: 2}}\n"
        "queries: {file: queries.csv, limit: 60} # of many\n"
        "samples: 4 # for now\n"
    )


def test_models_of_the_command_line_are_named_instead_of_the_file_s() -> None:
    for text in (IN_LINES, IN_BRACKETS):
        changed = change_text(text, make_changes(("openai/gpt-5", "x:thinking"), {}))
        assert yaml.safe_load(changed)["models"] == ["openai/gpt-5", "x:thinking"]


def test_the_target_is_named() -> None:
    changed = change_text(IN_LINES, make_changes(("gpt-4.1",), {}, "these-queries"))
    assert yaml.safe_load(changed)["target"] == "these-queries"
    again = change_text(changed, make_changes(("gpt-4.1",), {}, "queries-like-these"))
    assert yaml.safe_load(again)["target"] == "queries-like-these"


def test_nothing_else_of_it_changes() -> None:
    for text in (IN_LINES, IN_BRACKETS):
        before = yaml.safe_load(text)
        names = tuple(each if isinstance(each, str) else each["name"] for each in before["models"])
        after = yaml.safe_load(change_text(text, make_changes(names, {})))
        before["queries"]["limit"], before["samples"] = 60, 4
        assert after == before


def test_lines_that_end_as_on_windows_stay() -> None:
    text = IN_LINES.replace("\n", "\r\n")
    changed = change_text(text, make_changes(("gpt-4.1",), {"reasoning": ["cot"]}))
    loaded = yaml.safe_load(changed)
    assert list(loaded["factors"]["reasoning"]) == ["cot"]
    assert loaded["samples"] == 4


def test_models_and_judges_are_asked_otherwise_in_their_places() -> None:
    text = (
        "models:\n  - gpt-5   # mine\n  - name: b\n    sampling: {temperature: 1}\n  - c\n"
        "judges:\n  - name: j\n    model: m\n    sampling:\n      max_tokens: 5\n"
        "  - {name: k, model: m}\n"
    )
    changes = AskedChanges(
        {"gpt-5": Asked(batch=True), "b": Asked(tier="flex")},
        {"j": Asked(batch=False, tier="flex"), "k": Asked(batch=True)},
    )
    changed = ask_in_text(text, changes)
    assert "  - {name: gpt-5, batch: yes}   # mine\n" in changed
    found = yaml.safe_load(changed.replace(": yes", ": true").replace(": no", ": false"))
    assert found["models"][1:] == [
        {"name": "b", "sampling": {"temperature": 1, "service_tier": "flex"}},
        "c",
    ]
    assert found["judges"] == [
        {
            "name": "j",
            "model": "m",
            "batch": False,
            "sampling": {"max_tokens": 5, "service_tier": "flex"},
        },
        {"name": "k", "model": "m", "batch": True},
    ]
    again = ask_in_text(changed, AskedChanges({"gpt-5": Asked(batch=False)}))
    assert again == changed.replace("gpt-5, batch: yes", "gpt-5, batch: no")
