"""What a user gets wrong: one clear error, the right exit code, no traceback, nothing spent."""

from __future__ import annotations

import errno

import pytest

from afcost.cli import run_cli


@pytest.fixture
def afcost(lab, monkeypatch, capsys):
    """Run the command line in this process, which is quicker; give what it said on stderr."""
    monkeypatch.chdir(lab.folder)

    def run(*arguments: str, ends: int) -> str:
        capsys.readouterr()
        code = run_cli(list(arguments))
        said = capsys.readouterr()
        assert code == ends, said.err
        assert not said.out
        return said.err

    return run


def broken(lab, old: str, new: str) -> str:
    """Spoil the experiment file, and give its path."""
    path = lab.copy()
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return "af/experiment.yaml"


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        (
            "samples: 1\n\n",
            "sample: 1\n\n",
            1,
            "line 19: sample: unknown field; known fields: name",
        ),
        ("column: goal", "columm: goal", 1, "queries.columm: unknown field"),
        ("max_tokens: 4096", "max_token: 4096", 1, "did you mean max_tokens?"),
        (", max_tokens: 4096", "", 1, "sampling.max_tokens: Field required"),
        (
            "temperature: 1.0,",
            "temperature: 1.0, n: 5,",
            1,
            "n is not allowed: write `samples: N`",
        ),
        ("queries.csv", "nowhere.csv", 1, "nowhere.csv: No such file"),
        ("column: goal", "column: gaol", 1, "has no column 'gaol'; columns: goal"),
        ("prompts/user.md", "prompts/usr.md", 1, "file 'prompts/usr.md'"),
        ("{{ prefill }}", "{{ prefil }}", 1, "'prefil' is undefined; available variables: "),
        ("[llama-3.1-70b]", "[llama-3.1-7b]", 1, "did you mean llama-3.1-70b"),
        ("[llama-3.1-70b]", "[deepinfar/llama-3.1-70b]", 1, "did you mean deepinfra?"),
        ("[llama-3.1-70b]", "[ollama/llama-3.1-70b]", 3, "ollama/llama-3.1-70b is unpriced"),
        ("openai/gpt-4o-mini", "openai/gpt-99", 3, "openai/gpt-99 is unpriced"),
        (
            "temperature: 1.0,",
            "temperature: 1.0, service_tier: lightning,",
            3,
            "deepinfra/llama-3.1-70b with service_tier: lightning: no price is known for it",
        ),
        ("max_tokens: 4096", "max_tokens: 130000", 3, "exceeds the context window"),
        ("name: alignment-faking", "name: [", 1, "is not valid YAML"),
        ('is_free_tier: "True"', "is_free_tier: {{", 1, "is not valid YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place(lab, afcost, old, new, code, said):
    assert said in afcost("estimate", broken(lab, old, new), ends=code)


def test_no_such_experiment_says_how_to_make_one(afcost):
    assert "`afcost init` creates an example" in afcost("estimate", "nothing.yaml", ends=1)


@pytest.mark.parametrize("name", ["runner.py", "pricing/__init__.py", "experiment/notes.txt"])
def test_a_file_of_the_users_that_shadows_a_package_is_named(lab, name):
    path = lab.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("raise SystemExit('imported by mistake')\n")
    if name.endswith(".txt"):
        # A folder without __init__.py does not shadow a package.
        lab.afcost("--version", apart=True)
        return
    done = lab.afcost("estimate", ends=1, apart=True)
    assert str(path) in done.stderr
    assert "Rename it" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["approve", "plan.json", "--cap", "5"], 1, "cannot read plan plan.json"),
        (["approve", "plan.json"], 2, "Missing option '--cap'"),
        (["approve", "plan.json", "--cap", "five"], 2, "is not an amount of US dollars"),
        (["approve", "plan.json", "--cap", "0"], 2, "must be above 0"),
        (["approve", "plan.json", "--cap", "5", "--until", "2001-01-01"], 2, "is in the past"),
        (["run", "plan.json"], 1, "directory; create one with `afcost estimate … -o`"),
        (["report", "runs/none"], 1, "is not a run folder"),
        (["status", "."], 1, "is not a run folder"),
        (["estimate", "--limit", "0"], 2, "0 is not in the range"),
        (["estimate", "--requests", "out.xlsx"], 1, "must end in .csv or .jsonl"),
        (["estimate", "--history", "none.csv"], 1, "cannot read history none.csv"),
        (["estimate", "--limit", "1", "-o", "/proc/none/plan.json"], 1, "/proc/none"),
        (["estimat"], 2, "No such command 'estimat'"),
    ],
)
def test_a_mistaken_command_says_what_it_takes(afcost, arguments, code, said):
    assert said in afcost(*arguments, ends=code)


def test_init_never_overwrites_and_names_the_command_to_go_on_with(lab, afcost):
    lab.copy()
    before = {path: path.read_bytes() for path in lab.folder.rglob("*") if path.is_file()}
    said = afcost("init", "af", ends=3)
    assert "af has an experiment already, which stays as it is" in said
    assert "To estimate that:  afcost estimate af/experiment.yaml" in said
    assert "To copy into another folder:  afcost init af-2" in said
    said = afcost("init", ".", "--from", "alignment-faking-tiers", ends=3)
    assert ". exists and is not empty" in said
    assert "afcost init alignment-faking-tiers --from alignment-faking-tiers" in said
    said = afcost("init", "af/queries.csv", ends=3)
    assert "af/queries.csv exists and is not a folder" in said
    assert "afcost init af/queries.csv-2" in said
    assert {p: p.read_bytes() for p in lab.folder.rglob("*") if p.is_file()} == before
    (lab.folder / "gone").symlink_to("nowhere")
    assert "gone exists and is not a folder" in afcost("init", "gone", ends=3)
    (lab.folder / "alignment-faking-tiers").mkdir()
    (lab.folder / "my folder").mkdir()
    (lab.folder / "my folder" / "notes.txt").touch()
    said = afcost("init", "my folder", ends=3)
    command = said.partition("To copy into another folder:  ")[2].strip()
    assert command == "afcost init 'my folder/alignment-faking'"


@pytest.mark.parametrize("folder", ["queries.csv/new", "/proc/none", "n" * 300])
def test_init_says_why_a_folder_cannot_be_made(lab, afcost, folder):
    (lab.folder / "queries.csv").touch()
    said = afcost("init", folder, ends=1)
    assert f"cannot copy the experiment to {folder}: " in said
    assert "nothing is kept there. Name a folder that can be made" in said


def test_a_copy_that_cannot_be_finished_leaves_nothing(lab, afcost, monkeypatch):
    def fill_up(source, target):
        if target.name == "experiment.yaml":
            raise OSError(errno.ENOSPC, "No space left on device")
        target.write_bytes(source.read_bytes())

    monkeypatch.setattr("afcost.commands.planning.init.shutil.copyfile", fill_up)
    (lab.folder / "empty").mkdir()
    for folder in ("new", "empty"):
        assert f"{folder}: No space left on device" in afcost("init", folder, ends=1)
    assert list(lab.folder.rglob("*")) == [lab.folder / "empty"]


def test_a_file_that_is_no_plan_is_not_approved(lab, afcost):
    (lab.folder / "plan.json").write_text("{}")
    said = afcost("approve", "plan.json", "--cap", "5", "--yes", ends=1)
    assert "expected schema afcost.plan/1" in said


HEAVY = (
    "pandas",
    "transformers",
    "requests",
    "genai_prices",
    "splintr",
    "scipy",
    "pydantic",
    "rich",
)


def test_help_imports_nothing_heavy(lab):
    done = lab.afcost_without(HEAVY, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "estimate" in done.stdout


NUMERICS = ("numpy", "scipy", "pandas")


@pytest.mark.parametrize("command", ["approve", "design", "estimate", "pilot", "run", "status"])
def test_a_command_starts_without_numerics(lab, command):
    done = lab.afcost_without(NUMERICS, command, "--help")
    assert (done.returncode, "Usage" in done.stdout) == (0, True), done.stderr


def test_an_approval_imports_no_numerics(lab):
    lab.plan()
    done = lab.afcost_without(NUMERICS, "approve", "plan.json", "--cap", "5", "--yes")
    assert (done.returncode, "Approved" in done.stdout) == (0, True), done.stderr


def test_an_estimate_without_measured_calls_imports_no_numerics(lab):
    heavy = ("numpy", "scipy", "pandas", "experiment.analysis")
    done = lab.afcost_without(heavy, "estimate")
    assert (done.returncode, "range" in done.stdout) == (0, True), done.stderr
