"""Files that a stranger may hand over: whatever is damaged in one is named, and nothing else fails.

`list_damaged` makes thousands of copies; a share of them is read here, always the same one.
"""

from __future__ import annotations

import hashlib
import io
import json

import pytest
from rich.console import Console

from afcost.rendering.estimate.program_view import show_program_figures
from estimator.errors import BadPlan, BadRecording
from estimator.recorded import (
    copy_program_plan,
    read_program_plan,
    read_recording,
    write_recording,
)
from tests.estimator.recorded.rehearsed import JUDGE, estimate, rehearse
from tests.support.damage import choose_damaged, write

COUNT = 60


def study(ask):
    said = ask("Describe Paris in one sentence.", max_tokens=60)
    ask(f"You are a strict grader of descriptions: {said}", model=JUDGE, label="judge")


def signed(document):
    """Return a plan with the digest of its content, which a stranger can write too."""
    content = {name: each for name, each in document.items() if name not in ("schema", "digest")}
    written = json.dumps(content, sort_keys=True).encode()
    return document | {"digest": hashlib.sha256(written).hexdigest()}


@pytest.mark.parametrize("is_signed", [False, True])
def test_a_damaged_plan_is_refused_or_can_be_shown(is_signed, tmp_path):
    path = tmp_path / "plan.json"
    copy_program_plan(estimate(rehearse(study)).plan, path)
    whole, refused = json.loads(path.read_text()), dict[str, str]()
    for where, damaged in choose_damaged(whole, COUNT):
        again = signed(damaged) if is_signed and isinstance(damaged, dict) else damaged
        path.write_text(write(again))
        try:
            plan = read_program_plan(path)
            show_program_figures(Console(file=io.StringIO()), plan)
        except BadPlan as error:
            refused[where] = str(error)
    assert len(refused) > COUNT // 3
    assert not [said for said in refused.items() if "plan.json" not in said[1]]
    assert max(map(len, refused.values())) < 500


def test_a_damaged_recording_is_refused_with_its_line_and_value(tmp_path):
    path = tmp_path / "plan.calls.jsonl"
    write_recording(path, rehearse(study))
    lines, refused = path.read_text().splitlines(), dict[str, str]()
    for number in (1, 3):
        for where, damaged in choose_damaged(json.loads(lines[number - 1]), COUNT):
            others = [write(damaged) if at == number else line for at, line in enumerate(lines, 1)]
            path.write_text("\n".join(others))
            try:
                estimate(read_recording(path))
            except BadRecording as error:
                refused[f"line {number}: {where}"] = str(error)
    unnamed = [
        (where, said)
        for where, said in refused.items()
        if where.partition(": ")[0] not in said and "no call was recorded" not in said
    ]
    assert len(refused) > COUNT // 3
    assert not unnamed


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("run", 3, "line 2: run is 3"),
        ("answer_tokens", 10**30, "line 2: answer_tokens is 1000"),
        ("answer_tokens", float("nan"), "line 2: answer_tokens is 'nan'"),
        ("streamed", "no", "line 2: streamed is 'no'"),
        ("api", "telnet", "line 2: 'telnet' is not a valid ClientApi"),
    ],
)
def test_what_is_damaged_in_a_recording_is_named(field, value, said, tmp_path):
    path = tmp_path / "plan.calls.jsonl"
    write_recording(path, rehearse(study))
    head, call, *others = path.read_text().splitlines()
    path.write_text("\n".join((head, json.dumps(json.loads(call) | {field: value}), *others)))
    with pytest.raises(BadRecording, match=said):
        read_recording(path)
    path.write_text("\n".join((head, call[:40])))
    with pytest.raises(BadRecording, match=r"line 2: Unterminated|line 2: Expecting"):
        read_recording(path)
