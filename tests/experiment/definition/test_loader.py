"""The experiment file: what it says is what is done, and an error names file, line and field."""

from __future__ import annotations

import pytest

from experiment.definition.experiment import Overrides
from experiment.definition.loader import load_experiment
from experiment.errors import BadExperiment

JUDGE = "{name: %s, model: gpt-4o, messages: [{role: user, content: x}], sampling: {max_tokens: 1}}"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("name: tiny", "name: a b", 1, "name: "),
        ("models: [gpt-4o]", "models: gpt-4o", 2, "models: "),
        ("models: [gpt-4o]", "models: [gpt-4o]\nbatch: maybe", 3, "batch: expected yes or no (fou"),
        ("models: [gpt-4o]", "models: [gpt-4o]\nsample: 3", 3, "sample: unknown field; known"),
        ('{pays: "yes"}', "[pays]", 6, "factors.tier.paid: "),
        ("{file: queries.txt}", "{path: queries.txt}", 7,
         "queries.path: unknown field; known fields: file"),
        ("{file: queries.txt}", "{file: queries.txt, limit: 0}", 7, "queries.limit: "),
        ("role: user", "role: human", 9, "messages.0.role: "),
        ("content:", "contents:", 9, "messages.0.contents: unknown field; known fields: role"),
        ("{max_tokens: 10}", "{temperature: 1}", 10, "sampling.max_tokens: Field required"),
        ("{max_tokens: 10}", "{max_tokens: 0}", 10, "sampling.max_tokens: "),
        ("{max_tokens: 10}", "{max_tokens: many}", 10, "(found 'many')"),
        ("{max_tokens: 10}", "{max_token: 10}", 10, "'max_token'; did you mean max_tokens?"),
        ("{max_tokens: 10}", "{max_tokens: 10, temprature: 0}", 10,
         "'temprature'; did you mean temperature?"),
        ("{max_tokens: 10}", "{max_tokens: 10, n: 3}", 10, "n is not allowed: write `samples: N`"),
        ("{max_tokens: 10}", "{max_tokens: 10, tools: []}", 10, "tools is not allowed"),
        ("{max_tokens: 10}", "{max_tokens: 10, stream: true}", 10, "stream is set by afcost"),
        ("sampling: {max_tokens: 10}", "", 1, "sampling: Field required"),
        ("sampling:", "providers: {lab: {url: x}}\nsampling:", 10,
         "providers.lab.url: unknown field; known fields: kind, base_url"),
        ("sampling:", "providers: {lab: {base_url: localhost}}\nsampling:", 10,
         "providers.lab.base_url: "),
        ("sampling:", "judges:\n  - {name: j, modle: x}\nsampling:", 11,
         "judges.0.modle: unknown field; known fields: name, model"),
        ("sampling:", "judges:\n  - messages:\n    - {text: x}\nsampling:", 12,
         "judges.0.messages.0.text: unknown field; known fields: role, content"),
        ("sampling:", "expect: {free: long}\nsampling:", 10, "expect.free"),
    ],
)  # fmt: skip
def test_an_error_names_the_file_the_line_and_the_field(old, new, line, said, tiny, read, tmp_path):
    with pytest.raises(BadExperiment) as error:
        read(tiny.replace(old, new, 1))
    place = f"{tmp_path / 'experiment.yaml'}, line {line}: "
    named = [each for each in str(error.value).splitlines() if each.startswith(place)]
    assert any(said in each for each in named), error.value


@pytest.mark.parametrize(
    ("added", "field", "said"),
    [
        ("compare: tyer", "compare", "'tyer' is not a factor; factors: tier"),
        (
            "expect: {fre: answer}",
            "expect",
            "a model nor 'subject'; known here: free, gpt-4o, paid, subject",
        ),
        (f"judges: [{JUDGE % 'subject'}]", "judges", "not 'subject'"),
        (f"judges: [{JUDGE % 'a'}, {JUDGE % 'a'}]", "judges", "names must be unique"),
    ],
)
def test_a_name_that_fits_nothing_is_refused(added, field, said, tiny, read):
    with pytest.raises(BadExperiment, match=f"{field}: ") as error:
        read(tiny + added)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "added", ["compare: tyer", "expect: {fre: answer}", f"judges: [{JUDGE % 'subject'}]"]
)
def test_a_name_that_fits_nothing_is_refused_at_the_line_where_it_stands(
    added, tiny, read, tmp_path
):
    with pytest.raises(BadExperiment) as error:
        read(tiny + added)
    assert str(error.value).startswith(f"{tmp_path / 'experiment.yaml'}, line 11: ")


def test_a_level_that_yaml_reads_as_a_boolean_must_be_quoted(tiny, read):
    with pytest.raises(BadExperiment, match="line 3: factors: level True of tier must be quoted"):
        read(tiny.replace("paid:", "true:"))
    assert list(read(tiny.replace("paid:", '"true":')).spec.factors["tier"]) == ["free", "true"]


@pytest.mark.parametrize("factors", ["factors:", "factors: [tier]", "factors: {tier: [free]}"])
def test_factors_of_another_shape_are_refused_at_their_line(factors, read):
    with pytest.raises(BadExperiment, match="line 2: factors"):
        read(
            f"name: tiny\n{factors}\nmodels: [gpt-4o]\nqueries: {{file: queries.txt}}\n"
            "messages: [{role: user, content: x}]\nsampling: {max_tokens: 10}\n"
        )


def test_all_that_is_wrong_is_said_at_once(tiny, read):
    with pytest.raises(BadExperiment) as error:
        read(tiny.replace("name: tiny", "name: a b").replace("max_tokens: 10", "top_p: 1"))
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", " is not valid YAML"),
        ("a:\n\tb", " is not valid YAML"),
        ("a: !!python/object:os.system x", " is not valid YAML"),
        ("", ": expected fields such as `name:`"),
        ("- a", ": expected fields such as `name:`"),
    ],
)
def test_what_is_no_experiment_is_refused_by_name(text, said, read, tmp_path):
    with pytest.raises(BadExperiment) as error:
        read(text)
    assert str(error.value).startswith(f"{tmp_path / 'experiment.yaml'}{said}")
    assert "<unicode string>" not in str(error.value)  # which is no place that a user knows


def test_a_day_that_does_not_exist_is_refused_as_any_other_bad_yaml(tiny, read):
    with pytest.raises(BadExperiment, match=r"experiment\.yaml"):
        read(tiny.replace('"yes"', "2026-02-30"))


def test_a_missing_file_is_refused_with_the_command_that_makes_one(tmp_path):
    with pytest.raises(BadExperiment, match=r"cannot read .*absent\.yaml: .*afcost init"):
        load_experiment(str(tmp_path / "absent.yaml"))


def test_a_file_that_is_not_utf8_is_refused_by_name(tmp_path):
    (tmp_path / "latin.yaml").write_bytes("name: café".encode("latin-1"))
    with pytest.raises(BadExperiment, match=r"latin\.yaml is not UTF-8"):
        load_experiment(str(tmp_path / "latin.yaml"))


def test_an_experiment_without_a_model_is_refused_unless_one_is_given(tiny, read):
    text = tiny.replace("models: [gpt-4o]\n", "")
    with pytest.raises(BadExperiment, match="no model given"):
        read(text)
    assert read(text, Overrides(models=("gpt-5",))).spec.models == ("gpt-5",)


def test_a_model_that_is_named_twice_is_refused(tiny, read):
    with pytest.raises(BadExperiment, match=r"models.*gpt-4o"):
        read(tiny.replace("[gpt-4o]", "[gpt-4o, gpt-4o]"))


def test_the_command_line_replaces_only_what_it_gives(tiny, read):
    changed = read(tiny, Overrides(models=("a", "b"), limit=1, samples=3, max_tokens=7))
    assert changed.spec.models == ("a", "b")
    assert changed.queries == ("one",)
    assert changed.spec.samples == 3
    assert changed.spec.sampling.request_fields() == {"max_tokens": 7}
    assert read(tiny, Overrides()) == read(tiny)


def test_a_changed_max_tokens_leaves_the_judges_and_the_other_sampling_alone(tiny, read):
    text = tiny.replace("10}", "10, top_p: 0.5}") + f"judges: [{JUDGE % 'grade'}]\n"
    spec = read(text, Overrides(max_tokens=7)).spec
    assert spec.sampling.request_fields() == {"max_tokens": 7, "top_p": 0.5}
    assert spec.judges[0].sampling.max_tokens == 1


def test_sampling_fields_that_are_not_known_here_are_sent_as_they_stand(tiny, read):
    spec = read(tiny.replace("10}", "10, my_lab_option: [1, {a: b}]}")).spec
    assert spec.sampling.request_fields()["my_lab_option"] == [1, {"a": "b"}]


def test_conditions_are_crossed_in_order_with_the_first_factor_slowest(tiny, read):
    second = "  tone:\n    kind: {tone: soft}\n    curt:\n    dry: {tone: flat, pays: never}\n"
    conditions = list(read(tiny.replace("queries:", second + "queries:")).conditions())
    assert [each.name for each in conditions] == [
        "free/kind", "free/curt", "free/dry", "paid/kind", "paid/curt", "paid/dry",
    ]  # fmt: skip
    assert conditions[3].levels == {"tier": "paid", "tone": "kind"}
    assert conditions[0].variables == {"pays": "no", "tone": "soft"}
    assert conditions[1].variables == {"pays": "no"}
    assert conditions[5].variables == {"pays": "never", "tone": "flat"}


def test_without_factors_there_is_one_condition(made):
    (only,) = made(factors={}).experiment.conditions()
    assert (only.name, only.levels, only.variables) == ("all", {}, {})


def test_a_folder_is_told_which_file_to_name(tmp_path):
    with pytest.raises(BadExperiment, match=r"is a folder; name .*experiment\.yaml"):
        load_experiment(str(tmp_path))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ('base_url: "http://127.0.0.1@evil.com/v1"', "base_url: a user name is not allowed"),
        ('base_url: "http://localhost/v1\\e[2J"', "base_url: spaces and control characters"),
        ('base_url: "http://localhost/\\u202Ev1"', "base_url: write it in ASCII"),
        ('base_url: "http://localhost/v1?key=1"', "base_url: a query or fragment"),
        ('base_url: "http://localhost/v1#x"', "base_url: a query or fragment"),
        ('base_url: "http://localhost/v1 x"', "base_url: spaces and control characters"),
        ('api_key_env: "A B"', "api_key_env: expected the name of an environment variable"),
        ('api_key_env: "K\\e[2J"', "api_key_env: expected the name of an environment variable"),
    ],
)
def test_an_address_or_a_variable_that_is_none_is_refused_at_its_line(
    fields, said, tiny, read, tmp_path
):
    with pytest.raises(BadExperiment) as error:
        read(tiny + f"providers:\n  lab:\n    kind: openai\n    {fields}\n")
    assert str(error.value).startswith(f"{tmp_path / 'experiment.yaml'}, line 14: providers.lab.")
    assert said in str(error.value)
    assert "\x1b" not in str(error.value)
    assert "\u202e" not in str(error.value)


def test_a_password_in_an_address_is_not_repeated(tiny, read):
    with pytest.raises(BadExperiment, match="a user name is not allowed") as error:
        read(tiny + 'providers: {lab: {kind: openai, base_url: "http://me:s3cr/et@host/v1"}}\n')
    assert "s3cr" not in str(error.value)
