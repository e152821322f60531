"""Tokenizers of the user's own: counts are those of transformers, and a bad one says what it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimator.counting.custom_tokenizer import load_custom_tokenizer
from estimator.counting.token_count import Exactness
from estimator.counting.tokenizer_files import check_tokenizer_files
from estimator.errors import BadTokenizer, StalePlan
from estimator.plan import plan_file as plans
from estimator.plan import staleness as stale
from estimator.plan.planner import estimate_experiment
from experiment.definition.experiment import Overrides
from experiment.errors import BadExperiment
from experiment.file_access import Trust
from experiment.prompts.request import Message
from tests.estimator import tiny_tokenizer as tiny
from tests.runner import sample_experiment as lab

pytest.importorskip("tokenizers")
from tokenizers import AddedToken, normalizers, pre_tokenizers

NFC, LOWER = normalizers.NFC(), normalizers.Lowercase()
METASPACE, WORDS = pre_tokenizers.Metaspace(), pre_tokenizers.WhitespaceSplit()
PREFIXED = pre_tokenizers.ByteLevel(add_prefix_space=True)
MARK = AddedToken("<mark>", normalized=False)
# name -> (how it is made, whether texts between added tokens can be counted by themselves)
KINDS = {
    "bytes": ({}, True),
    "plain added": ({"added": [MARK, "<|", "of the"]}, True),
    "composed": ({"normaliser": NFC, "added": [MARK]}, True),
    "cuts off": ({"most": 8}, True),
    "eats space before": ({"added": [AddedToken("<mark>", lstrip=True)]}, False),
    "eats space after": ({"added": [AddedToken("<mark>", rstrip=True)]}, False),
    "whole words": ({"added": [AddedToken("mark", single_word=True)]}, False),
    "begins a word": ({"pre": METASPACE}, False),
    "begins a text": ({"pre": PREFIXED}, False),
    "words": ({"pre": WORDS}, False),
    "composed added": (
        {"normaliser": NFC, "added": [AddedToken("cafe\u0301", normalized=True)]},
        False,
    ),
    "lower case": (
        {"normaliser": LOWER, "added": [AddedToken("Mark", normalized=True)]},
        False,
    ),
    "found in order": (
        {"added": [AddedToken("k<mark", normalized=True), MARK]},
        False,
    ),
}
CAFES = ("caf\u00e9", "cafe\u0301")
WORDS_OF_INTEREST = st.sampled_from(
    [
        "<mark>",
        "mark",
        "Mark",
        "MARK",
        "k<mark>",
        "<|start|>",
        "<|end|>",
        "<|",
        "of the",
        " ",
        "\n",
        *CAFES,
    ]
)
TEXTS = st.lists(WORDS_OF_INTEREST | st.text(max_size=5) | st.sampled_from(tiny.SENTENCES)).map(
    "".join
)
CHATS = st.lists(
    st.builds(Message, st.sampled_from(["system", "user", "assistant"]), TEXTS),
    min_size=1,
    max_size=4,
).filter(lambda chat: chat[-1].role != "assistant" or chat[-1].content.strip())


@pytest.fixture(scope="module", params=KINDS)
def kind(request, tmp_path_factory):
    """Give a tokenizer of each kind as it is loaded here, as transformers loads it, and by what."""
    how, segmented = KINDS[request.param]
    folder = tiny.save(tmp_path_factory.mktemp("kind") / "tokenizer", **how)
    return load_custom_tokenizer("tokenizer", folder.parent), theirs(folder), segmented


def theirs(folder):
    """Return a function that counts a chat as transformers does."""
    transformers = pytest.importorskip("transformers")  # here: it takes a second and a half
    loaded = transformers.AutoTokenizer.from_pretrained(str(folder))

    def count(chat):
        prefill = chat[-1].role == "assistant"
        ids = loaded.apply_chat_template(
            [message._asdict() for message in chat],
            tokenize=True,
            add_generation_prompt=not prefill,
            continue_final_message=prefill,
            return_dict=False,
        )
        return len(ids)

    return count


@settings(derandomize=True, max_examples=60)
@given(chat=CHATS)
def test_counts_are_those_of_transformers(kind, chat):
    ours, oracle, segmented = kind
    assert ours.segmented is segmented
    count = ours.count(chat)
    assert count.tokens == count.bound == oracle(chat)
    assert count.exactness is Exactness.EXACT


def test_an_answer_is_counted_without_a_frame(kind):
    ours, oracle, _ = kind
    empty, full = ([Message("user", text)] for text in ("", "Tell me about the <mark> tier."))
    assert ours.count_text("") == 0
    assert ours.count_text("Tell me about the <mark> tier.") == pytest.approx(
        oracle(full) - oracle(empty), abs=1
    ), "but for where it meets the frame"
    assert ours.count_text("a \ud800 b") == ours.count_text("a ? b"), "as it is sent"
    assert 0.2 < ours.bound_scale < 10


def refused(how, folder):
    """Return what is said of a tokenizer that cannot be used."""
    with pytest.raises(BadTokenizer) as error:
        load_custom_tokenizer(how, folder)
    said = str(error.value)
    assert "\n" not in said
    assert how.removeprefix("./") in said
    return said


def test_a_tokenizer_without_a_template_is_refused(tmp_path):
    tiny.save(tmp_path / "bare", template=None)
    assert "bare has no chat template" in refused("./bare", tmp_path)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "cannot load tokenizer ./empty: " in refused("./empty", tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "tokenizer.json").write_text("{")
    assert "cannot load tokenizer ./broken: " in refused("./broken", tmp_path)


def test_a_missing_folder_is_named_in_full_and_the_hub_is_mentioned(tmp_path):
    said = refused("./nowhere", tmp_path)
    assert f"tokenizer {tmp_path}/nowhere is not a folder" in said
    assert "write a Hugging Face repository as hf:organisation/name" in said
    (tmp_path / "file").write_text("not a folder")
    assert "is not a folder" in refused("./file", tmp_path)


def test_offline_the_hub_says_what_helps_and_does_not_wait(tmp_path):
    """In a process of its own, because the library reads its environment once."""
    code = (
        "from pathlib import Path; from estimator.errors import BadTokenizer\n"
        "from estimator.counting.custom_tokenizer import load_custom_tokenizer\n"
        "try: load_custom_tokenizer('hf:nobody/nothing@main', Path('/'))\n"
        "except BadTokenizer as error: print(error)\n"
    )
    own = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=dict(os.environ) | own,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    (said,) = done.stdout.splitlines()
    assert said.startswith("cannot load tokenizer hf:nobody/nothing@main: ")
    assert "set HF_TOKEN; offline, use a folder with its files" in said
    assert done.stderr == ""


NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('only users') }}{% endif %}"
FAILING = {
    "no system": (NO_SYSTEM, "only users"),
    "an escape": ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "unsafe"),
    "an import": ("{{ cycler.__init__.__globals__.os.system('touch ran') }}", "unsafe"),
    "a type": ("{{ messages[0]['content'] + 1 }}", "str"),
    "a zero": ("{{ 1 // 0 }}", "zero"),
    "an endless loop": ("{% for n in range(10 ** 9) %}x{% endfor %}", "range"),
    "a syntax": ("{% if %}", "Expected"),
}


@pytest.mark.parametrize("why", FAILING)
def test_a_template_that_fails_or_breaks_out_is_refused_and_not_run(tmp_path, monkeypatch, why):
    monkeypatch.chdir(tmp_path)
    template, cause = FAILING[why]
    tokenizer = load_custom_tokenizer("./t", tiny.save(tmp_path / "t", template=template).parent)
    with pytest.raises(BadTokenizer, match=r"t: its chat template rejects messages of ") as error:
        tokenizer.count([Message("system", "Be brief."), Message("user", "Hello.")])
    assert "system, user" in str(error.value)
    assert cause in str(error.value)
    assert not (tmp_path / "ran").exists()


def test_a_fingerprint_is_of_the_vocabulary_and_the_template_and_stays(tmp_path):
    kinds = [{}, {"added": ["more"]}, {"template": tiny.TEMPLATE + "."}, {"most": 8}]
    loaded = [
        load_custom_tokenizer(f"t{n}", tiny.save(tmp_path / f"t{n}", **how).parent)
        for n, how in enumerate(kinds)
    ]
    fingerprints = [each.fingerprint for each in loaded]
    assert len(set(fingerprints[:3])) == 3
    for each in loaded:
        each.count([Message("user", "Hello.")])
    assert [each.fingerprint for each in loaded] == fingerprints, "counting changes nothing"
    again = load_custom_tokenizer("elsewhere", tiny.save(tmp_path / "elsewhere").parent)
    assert again.fingerprint == fingerprints[0], "wherever it lies"


@pytest.fixture
def named(tmp_path, monkeypatch, home):  # noqa: ARG001 - nothing counted before
    """Return a function that writes an experiment which names a tokenizer beside it."""
    monkeypatch.chdir(tmp_path)
    tiny.save(tmp_path / "small" / "tiny")

    def write(**changes):
        return str(lab.write(tmp_path / "small", **changes))

    return write


def counted_by(source, folder, path):
    """Return whether every prompt of an experiment's subject was counted by this tokenizer."""
    ours, found = theirs(folder), []
    plan = estimate_experiment(
        path, lab.DAY, on_request=lambda counted, *_: found.append(counted)
    ).plan
    subjects = [each for each in found if each.request.stage == "subject"]
    assert [each.count.tokens for each in subjects] == [
        ours(each.request.messages) for each in subjects
    ]
    return {plan.models[lab.MODEL].tokenizer.name == source}


@pytest.mark.parametrize("tokenizer", ["./tiny", "tiny", {lab.MODEL: "./tiny"}])
def test_an_experiment_names_its_tokenizer_beside_it(named, tmp_path, tokenizer):
    folder = tmp_path / "small" / "tiny"
    path = named(tokenizer=tokenizer)
    assert counted_by(str(folder), folder, path) == {True}
    made = estimate_experiment(path, lab.DAY).plan
    assert {s.exactness for s in made.strata if s.stage == "subject"} == {"exact"}
    counting = made.models[lab.MODEL].counting
    assert counting.fingerprint == load_custom_tokenizer("tiny", folder.parent).fingerprint


@pytest.mark.parametrize("written", ["{}", lab.MODEL + "={}"])
def test_the_command_line_names_one_instead(named, tmp_path, written):
    folder = tiny.save(tmp_path / "other", added=["number"])
    changes = Overrides(tokenizers=(written.format(folder),))
    made = estimate_experiment(named(tokenizer="./tiny"), lab.DAY, changes).plan
    assert made.models[lab.MODEL].counting.source == str(folder)


def test_a_tokenizer_of_no_model_is_refused_at_its_line(named):
    path = named(tokenizer={"my-lab/other": "./tiny"})
    line = Path(path).read_text().splitlines().index("tokenizer:") + 1
    with pytest.raises(BadExperiment) as error:
        estimate_experiment(path, lab.DAY)
    assert str(error.value) == (
        f"{path}, line {line}: tokenizer: 'my-lab/other' is not a model in this experiment; "
        f"models: {lab.MODEL}, subject"
    )


def test_a_changed_tokenizer_makes_a_plan_stale(named, tmp_path, new_process):
    made = estimate_experiment(named(tokenizer="./tiny"), lab.DAY).plan
    plans.save_plan(made, tmp_path / "plan.json")
    new_process()
    assert stale.verify_plan(plans.read_plan(tmp_path / "plan.json"), lab.NOW).models == made.models
    tiny.save(tmp_path / "small" / "tiny", added=["number"])
    new_process()
    with pytest.raises(StalePlan, match=r"tokenizer of my-lab/\S+: changed"):
        stale.verify_plan(plans.read_plan(tmp_path / "plan.json"), lab.NOW)


def test_a_plan_is_the_same_in_another_folder_and_is_read_where_the_tokenizer_is_not(
    named, tmp_path, new_process
):
    made = estimate_experiment(named(tokenizer="./tiny"), lab.DAY).plan
    plans.save_plan(made, tmp_path / "small" / "plan.json")
    shutil.move(tmp_path / "small", tmp_path / "moved")
    new_process()
    read = plans.read_plan(tmp_path / "moved" / "plan.json")
    assert read.digest == made.digest
    assert stale.verify_plan(read, lab.NOW).models == read.models
    again = estimate_experiment(str(tmp_path / "moved" / "experiment.yaml"), lab.DAY).plan
    assert again.digest == made.digest
    shutil.rmtree(tmp_path / "moved" / "tiny")
    new_process()
    assert plans.read_plan(tmp_path / "moved" / "plan.json").digest == made.digest, (
        "to be reported on"
    )
    with pytest.raises(BadTokenizer, match="is not a folder"):
        stale.verify_plan(read, lab.NOW)


HOSTILE = {
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a long text": "{{ messages[0]['content'] * 10000000000 }}",
    "a long constant": "{{ 'x' * 10000000000 }}",
    "a wide constant": "{{ 'x'|center(10000000000) }}",
    "nested parentheses": "{{ " + "(" * 5000,
}


@pytest.mark.parametrize("why", HOSTILE)
def test_a_chat_template_that_takes_too_much_is_refused_in_seconds(tmp_path, why):
    tokenizer = load_custom_tokenizer("t", tiny.save(tmp_path / "t", template=HOSTILE[why]).parent)
    start = time.process_time()
    with pytest.raises(BadTokenizer, match="t: its chat template rejects messages of user"):
        tokenizer.count([Message("user", "Hello.")])
    assert time.process_time() - start < 9


def test_tokenizers_with_the_same_template_spend_each_from_its_own_budget(tmp_path):
    tiny.save(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    theirs_before = theirs(tmp_path / "a")
    first, second = (load_custom_tokenizer(name, tmp_path) for name in "ab")
    chat = [Message("user", "Hello."), Message("assistant", "Yes?"), Message("user", "Hi.")]
    expected = theirs_before(chat)
    assert first.count(chat).tokens == second.count(chat).tokens == expected
    for each in (first, second):
        each._budget._deadline = 0  # its time is over; the next rendering of its own begins again
    assert theirs_before(chat) == theirs(tmp_path / "b")(chat) == expected
    assert first.count(chat).tokens == expected, "and no other's budget counts"


def test_a_chat_template_stays_bounded_when_transformers_forgets_it(tmp_path):
    transformers = pytest.importorskip("transformers")
    short = "{{ messages[0]['content'] * (1 if messages|length == 1 else 10000000000) }}"
    tokenizer = load_custom_tokenizer("t", tiny.save(tmp_path / "t", template=short).parent)
    assert tokenizer.render_prompt([Message("user", "Hello.")]) == "Hello."
    transformers.utils.chat_template_utils._compile_jinja_template.cache_clear()
    with pytest.raises(BadTokenizer, match="its chat template rejects messages"):
        tokenizer.render_prompt([Message("user", "Hello."), Message("user", "Hello.")])


def test_a_chat_template_may_use_what_published_ones_use(tmp_path):
    template = (
        "{%- for m in messages -%}\n{{ m['content']|tojson }}{{ '=' * 3 }}{{ nothing }}"
        "{% if loop.first %}{% continue %}{% endif %}{% break %}{%- endfor -%}"
        "{% generation %}{{ strftime_now('%Y')|length }}{% endgeneration %}"
    )
    tokenizer = load_custom_tokenizer("t", tiny.save(tmp_path / "t", template=template).parent)
    assert tokenizer.render_prompt([Message("user", "a<b")]) == '"a<b"===4'


@pytest.mark.parametrize(
    ("pattern", "hostile"),
    [
        ("(a+)+$", True),
        ("(a|aa)+$", True),
        ("(?:[a-z]*)*b", True),
        ("((ab)+c)*", True),
        (r"'s|'t| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", False),
        (r"(?i:'s|'t|'re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|\s*[\r\n]+|\s+(?!\S)|\s+", False),
        (r"[^\r\n\p{L}\p{N}]?[\p{Lu}(+*]*[\p{Ll}]+(?i:'s|'t|'re)?|\(+", False),
    ],
)
def test_a_pattern_that_may_take_years_is_refused_of_a_stranger_only(tmp_path, pattern, hostile):
    folder = tiny.save(tmp_path / "t")
    path = folder / "tokenizer.json"
    described = json.loads(path.read_text())
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated"}
    described["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split | {"invert": False}]}
    path.write_text(json.dumps(described))
    with pytest.raises(BadTokenizer, match="take years") if hostile else nullcontext():
        check_tokenizer_files(folder, tmp_path, Trust())


def test_a_tokenizers_files_are_files_of_its_folder(tmp_path):
    folder = tiny.save(tmp_path / "own" / "t")
    (tmp_path / "secret.txt").write_text("secret")
    check_tokenizer_files(folder, tmp_path / "own", Trust())
    (folder / "extra.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(BadTokenizer, match=r"extra\.txt is a link out of it"):
        check_tokenizer_files(folder, tmp_path / "own", Trust())
    check_tokenizer_files(folder, tmp_path / "own", Trust(folders=(str(tmp_path),)))
    (folder / "extra.txt").unlink()
    os.mkfifo(folder / "merges.txt")
    with pytest.raises(BadTokenizer, match="pipe"):
        check_tokenizer_files(folder, tmp_path / "own", Trust())
    (folder / "merges.txt").unlink()
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["vocab_file"] = "/etc/passwd"
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(BadTokenizer, match="vocab_file names a file elsewhere"):
        check_tokenizer_files(folder, tmp_path / "own", Trust())
