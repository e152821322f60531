"""Judges that err, as the test provider has them."""

from __future__ import annotations

from tests.support.provider.behaviour import Behaviour


def test_a_judge_errs_as_often_as_is_said_and_always_about_the_same_answers():
    behaviour = Behaviour(errs=0.2)
    prompts = [[{"role": "user", "content": f"answer {number}"}] for number in range(500)]
    drawn = [behaviour.misjudges(each, "judge") for each in prompts]
    assert 60 < sum(drawn) < 140
    assert drawn == [behaviour.misjudges(each, "judge") for each in prompts]
    assert drawn != [behaviour.misjudges(each, "other") for each in prompts]
    assert not any(Behaviour().misjudges(each, "judge") for each in prompts)
