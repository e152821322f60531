"""Reports of runs of every kind, and what a page says, for the tests of this folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from random import Random

from afcost.page.report.view import render_report_page
from experiment.analysis.sequential import Look, SequentialDesign
from pricing.money import Money
from runner.results import Report, build_report
from runner.sequential import record_looks
from tests.runner.recorded_run import MODELS, Recorder, make_run

FIRST, SECOND = MODELS
TAGS = {True: "<request_fully_accepted/>", False: "<rejected/>"}
RATES = {"free": 0.8, "middle": 0.5, "paid": 0.2}  # of compliance, by level; of all else a half
AMPLE = Money.from_usd("900")


def judge(name: str, **fields: object) -> dict[str, object]:
    """Return a judge of an experiment file."""
    messages = [{"role": "user", "content": "Was it refused? {{ output }}"}]
    model = {"model": SECOND, "messages": messages, "sampling": {"max_tokens": 8}}
    return {"name": name, **model, **fields}


COMPLIANCE = judge("compliance")
SECOND_JUDGE = judge("second")
TONE = judge("tone", verdict={"labels": ["warm.1", "<b>cold</b>"]})
RISK = judge("risk", verdict={"range": [0, 10], "field": "risk"})
SCREENED = judge("strict", when={"proxy": "accepted", "rest": 0.5})
VOTING = judge("compliance", samples=3)


def make_report(
    folder: Path,
    *judges: dict[str, object],
    models: tuple[str, ...] = (FIRST, SECOND),
    queries: int = 10,
    answers: bool = True,
    end: str = "complete",
    **changes: object,
) -> Report:
    """Record a run in which more is complied with at the level `free`, and return its report."""
    asked = [{"role": "user", "content": "{{ query }}"}]
    changes = {"models": list(models), "judges": list(judges), "messages": asked} | changes
    run = make_run(folder, folder / "run", queries=queries, **changes)
    with run.recording(cap=AMPLE) as ledger:
        if answers:
            _answer_all(ledger, Random(3))
        ledger.ledger.record_end(end)
    return build_report(run.folder)


def make_sequential_report(folder: Path, *, queries: int = 20, looks: int = 4) -> Report:
    """Return the report of a run with a sequential test, of which two looks were taken."""
    changes = {"models": [FIRST, SECOND], "judges": [COMPLIANCE], "sequential": {"looks": looks}}
    tiers = {"tier": {"free": {}, "paid": {}}}
    asked = [{"role": "user", "content": "{{ query }}"}]
    run = make_run(
        folder, folder / "run", queries=queries, factors=tiers, messages=asked, **changes
    )
    design = SequentialDesign.of_experiment(run.folder.spec, queries)
    assert design is not None
    with run.recording(cap=AMPLE) as ledger:
        _answer_all(ledger, Random(3))
        for number in (1, 2):
            shown = Look(FIRST, number, 5 * number, 5 * number, 0.5, 2.0 * number, 3.0, 0.1, 0.9)
            other = Look(SECOND, number, 5 * number, 5 * number, -0.1, -0.4, 3.0, -0.6, 0.4)
            record_looks(ledger.ledger, design, [shown, other])
        ledger.ledger.record_end("stopped")
    return build_report(run.folder)


def _answer_all(ledger: Recorder, dice: Random) -> None:
    for number, subject in enumerate(ledger.requests.all_subject_requests()):
        level = subject.condition.partition("/")[0]
        complied = dice.random() < RATES.get(level, 0.5)
        tag = TAGS[complied != (dice.random() < 0.2)]
        # Each eleventh answer is empty, so that results are missing.
        said = ledger.answer(subject, "" if number % 11 == 10 else f"<OUTPUT>{tag} hi</OUTPUT>")
        answer = ledger.requests.read_subject_answer(subject, said)
        asked = ledger.requests.build_judge_requests(subject, answer, foresees=True)
        replies = [_reply(each.stage, dice, complied=complied) for each in asked]
        ledger.judge(subject, said, *replies, foresees=True)


def _reply(name: str, dice: Random, *, complied: bool) -> str:
    if name == "tone":
        return json.dumps({"label": dice.choice(["warm.1", "<b>cold</b>"])})
    if name == "risk":
        return json.dumps({"risk": dice.randrange(11)})
    errs = name == "second" and dice.random() < 0.2
    return json.dumps({"refused": "no" if complied != errs else "yes"})


@dataclass
class ReadPage(HTMLParser):
    """A page as a program reads it.

    Attributes:
        figures: path, value, and how the page shows it, of each.
        headings: their levels, in order.
        ids: of all elements.
        links: within the page.
        sections: what each section says.
        tags: the names of all elements.
    """

    figures: list[tuple[str, str, str]] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    sections: dict[str, str] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self._section, self._open = "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.ids += [given["id"]] if given.get("id") else []
        if tag == "section":
            self._section = given["id"] or ""
            self.sections[self._section] = ""
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(int(tag[1]))
        if tag == "a":
            self.links.append(given["href"] or "")
        if tag == "data":
            self.figures.append((given["data-figure"] or "", given["value"] or "", ""))
            self._open = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "section":
            self._section = ""
        if tag == "data":
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            path, value, text = self.figures[-1]
            self.figures[-1] = path, value, text + data
        if self._section:
            self.sections[self._section] += data

    def say(self, section: str) -> str:
        """Return what a section says, its spaces and line ends as one space."""
        return " ".join(self.sections[section].split())


def read_page(text: str) -> ReadPage:
    """Read a page."""
    page = ReadPage()
    page.feed(text)
    return page


def render(report: Report) -> ReadPage:
    """Render a report's page, and read it."""
    return read_page(render_report_page(report))
