"""An evaluation of Inspect: a system prompt, a template, self-critique, two judges in the code.

Every third question is marked as hard, in its text.
"""

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig, get_model
from inspect_ai.scorer import model_graded_qa
from inspect_ai.solver import generate, prompt_template, self_critique, system_message

JUDGES = ("openai/gpt-4o", "anthropic/claude-haiku-4-5")


def ask(n):
    return f"What is {n} plus {n}?" + (" It is hard." if n % 3 == 0 else "")


@task
def judged(samples: int = 4, sandbox: str | None = None, long: int = -1):
    short = GenerateConfig(max_tokens=64)
    return Task(
        dataset=[
            Sample(input=ask(n) + " Hm." * 9000 * (n == long), target=f"{2 * n}")
            for n in range(samples)
        ],
        solver=[
            system_message("You are terse."),
            prompt_template("Answer in one word.\n\n{prompt}"),
            generate(),
            self_critique(model="openai/gpt-4o-mini"),
        ],
        scorer=model_graded_qa(model=[get_model(name, config=short) for name in JUDGES]),
        sandbox=sandbox,
    )
