"""An Inspect task: a system prompt, self-critique, and grades by two models that its code names."""

import json
import sys

from inspect_ai import Task, eval as run_eval
from inspect_ai.dataset import Sample
from inspect_ai.scorer import choice, model_graded_qa
from inspect_ai.solver import generate, multiple_choice, self_critique, system_message

SAMPLES = [Sample(input=f"What is {n} and {n}?", target=f"{2 * n}") for n in range(3)]
CHOICES = [Sample(input=f"Which is {n}?", choices=["1", "2"], target="A") for n in (1, 2)]
graded = Task(
    dataset=SAMPLES,
    solver=[system_message("Answer in short."), generate(), self_critique()],
    scorer=model_graded_qa(model=["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"]),
)
chosen = Task(dataset=CHOICES, solver=multiple_choice(), scorer=choice())
log_dir = f"{sys.argv[1]}.logs"
found = []
for task in (graded, chosen):
    (log,) = run_eval(task, model="openai/gpt-4o-mini", log_dir=log_dir, display="none")
    assert log.status == "success", log.error
    for sample in log.samples:
        found.append([f"{sample.id}", [score.value for score in sample.scores.values()]])
with open(sys.argv[1], "w") as told:
    json.dump(found, told)
