"""A request is told from others by what is sent: the resolved model and the fields of the body."""

from dataclasses import replace
from datetime import date

import pytest

from estimator.workload import load_price_book, make_request_builder, resolve_models
from experiment.definition import load_experiment

DAY = date(2026, 11, 21)
TURBO = "deepinfra/meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo"


@pytest.fixture
def ids(tmp_path):
    """Return the ids of an experiment with this model, of its subject and its judge's verdict."""

    def build(model, sampling="{max_tokens: 9000}", change=lambda model: model):
        (tmp_path / "q.txt").write_text("one\n")
        path = tmp_path / "experiment.yaml"
        path.write_text(
            f"name: n\nmodels: [{model}]\nqueries: {{file: q.txt}}\nsampling: {sampling}\n"
            "messages: [{role: user, content: '{{ query }}'}]\n"
            f"judges: [{{name: j, model: {model}, sampling: {sampling}, "
            "messages: [{role: user, content: 'J {{ output }}'}]}]\n"
        )
        experiment = load_experiment(str(path))
        models = resolve_models(experiment, load_price_book(DAY, experiment), DAY)
        requests = make_request_builder(experiment, {k: change(m) for k, m in models.items()})
        (subject,) = requests.all_subject_requests()
        (verdict,) = requests.build_judge_requests(subject, None)
        return subject.id, verdict.id

    return build


def test_a_model_under_another_name_of_the_same_is_the_same(ids):
    assert ids("llama-3.1-8b") == ids(TURBO) == ids("deepinfra/llama-3.1-8b")
    other = ids("groq/llama-3.1-8b")
    assert not set(other) & set(ids(TURBO))


def test_a_field_that_the_model_is_not_sent_changes_nothing(ids):
    assert ids("gpt-5", "{max_tokens: 9000, temperature: 0.5}") == ids("gpt-5")
    assert ids("gpt-4o", "{max_tokens: 900, temperature: 0.5}") != ids(
        "gpt-4o", "{max_tokens: 900}"
    )


def test_another_name_of_the_limit_is_no_other_request(ids):
    def rename(model):
        return replace(model, takes=replace(model.takes, limit_field="max_new_tokens"))

    assert ids("gpt-5", change=rename) == ids("gpt-5")
