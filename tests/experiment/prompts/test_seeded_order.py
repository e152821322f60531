"""Seeded order: the same query, the same order, on any machine; no other randomness."""

from __future__ import annotations

import pytest

from experiment.errors import BadTemplate
from experiment.prompts.rendering.templates import Templates

SHUFFLED = "{{ shuffle(range(8)) }}"


@pytest.fixture
def render(tmp_path):
    def render_text(text: str, query: str = "Why?", condition: str = "", **variables) -> str:
        variables |= {"query": query}
        return Templates(tmp_path).render(text, variables, "messages[0]", condition)

    return render_text


def test_an_order_is_the_same_in_every_version_and_on_every_machine(render):
    assert render("{{ shuffle(['a', 'b', 'c', 'd'], seed=1) }}") == "['b', 'd', 'a', 'c']"
    assert render("{{ choice(['a', 'b', 'c', 'd'], seed='x') }}") == "a"


def test_by_default_a_query_has_the_same_order_in_every_condition_and_sample(render, made):
    assert render(SHUFFLED, condition="a") == render(SHUFFLED, condition="b")
    messages = [{"role": "user", "content": "{{ shuffle(['a', 'b', 'c', 'd', 'e', 'f']) }}"}]
    requests = made(messages=messages, samples=2, models=["a", "b"])
    texts = {each.query: set() for each in requests.all_subject_requests()}
    for each in requests.all_subject_requests():
        texts[each.query].add(each.messages[0].content)
    assert [len(found) for found in texts.values()] == [1, 1]


def test_queries_have_orders_of_their_own_also_in_one_builder(tmp_path):
    templates = Templates(tmp_path)
    orders = {
        templates.render(SHUFFLED, {"query": f"query {n}"}, "messages[0]", "all") for n in range(50)
    }
    assert len(orders) > 40


def test_a_seed_of_its_own_is_one_order_for_all(render):
    text = "{{ shuffle(range(8), seed=7) }}"
    assert render(text, query="one") == render(text, query="two")
    assert render(text) != render("{{ shuffle(range(8), seed=8) }}")


def test_lists_of_one_length_are_shuffled_alike_so_that_labels_stay_with_options(render):
    text = "{% set n = shuffle(range(4)) %}{% set c = shuffle(['0', '1', '2', '3']) %}"
    assert render(text + "{{ n|join == c|join }}") == "True"


def test_every_place_is_drawn_about_as_often(render):
    drawn = [render("{{ choice(range(4)) }}", query=f"query {n}") for n in range(400)]
    assert all(70 < drawn.count(str(n)) < 130 for n in range(4))


def test_nothing_is_lost_or_added(render):
    assert render("{{ shuffle(range(50))|sort == range(50)|list }}") == "True"
    assert render("{{ shuffle([]) }}") == "[]"


def test_a_level_may_have_a_variable_of_that_name(render):
    assert render("{{ choice }} {{ shuffle }}", choice="A", shuffle="B") == "A B"


@pytest.mark.parametrize(
    "text", ["{{ choice([]) }}", "{{ choice([1], seed=[1]) }}", "{{ choice(3) }}"]
)
def test_what_cannot_be_drawn_from_is_an_error_at_its_place(render, text):
    with pytest.raises(BadTemplate, match=r"^messages\[0\]"):
        render(text)
