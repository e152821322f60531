"""The texts that counting is measured on: many short queries under one prompt, and documents.

Both are the same in every run on one machine. Documents are cut from what this Python has
installed, so they differ a little between machines.
"""

from __future__ import annotations

import random
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from experiment.definition import BUILTIN_SOURCE, Overrides, load_experiment
from experiment.prompts import RequestBuilder

_DOCUMENT = 4_000  # bytes, about
_REPEATED = 60  # characters from which on a paragraph may stand in one document only
_DOCSTRING = re.compile(r'"""\s*([A-Z].*?)\s*"""', re.DOTALL)


def system_prompt() -> str:
    """Return the system message of the built-in experiment's condition `free/cot`."""
    experiment = load_experiment(BUILTIN_SOURCE, Overrides(models=("llama-3.1-70b",)))
    subjects = RequestBuilder(experiment, takes_prefill=lambda *_: False).all_subject_requests()
    messages = next(each.messages for each in subjects if each.condition == "free/cot")
    return next(message.content for message in messages if message.role == "system")


def queries(number: int) -> list[str]:
    """Return different short queries: the built-in ones, each with other words and numbers."""
    asked = load_experiment(BUILTIN_SOURCE, Overrides(models=("llama-3.1-70b",))).queries
    words = sorted({word for query in asked for word in query.split()})
    dice = random.Random(0)  # noqa: S311 - an order, not a secret
    found = [
        f"{asked[n % len(asked)]}. Case {n}: {' '.join(dice.sample(words, dice.randint(2, 12)))}?"
        for n in range(number)
    ]
    return found if len(set(found)) == number else sys.exit("the queries are not all different")


def documents(size: int) -> list[str]:
    """Return documents of about 4 kB, half prose and half code, `size` bytes in all.

    Prose: metadata, readmes and docstrings of the installed packages. Code: the standard library.
    No paragraph stands in two documents, unless it is shorter than 60 characters.
    """
    library, packages = (Path(sysconfig.get_paths()[name]) for name in ("stdlib", "purelib"))
    pages = _texts(packages, "METADATA", "*.md", "*.rst", "*.txt")
    docstrings = ("\n\n".join(_DOCSTRING.findall(text)) for text in _texts(packages, "*.py"))
    seen: set[str] = set()
    prose = _cut(chain(pages, docstrings), seen, size // 2)
    code = _cut(_texts(library, "*.py"), seen, size // 2)
    mixed = [*prose, *code]
    random.Random(0).shuffle(mixed)  # noqa: S311 - an order, not a secret
    return mixed


def _texts(folder: Path, *patterns: str) -> Iterator[str]:
    """Return the files in a folder, an installed package's not among the standard library's."""
    for path in sorted(path for pattern in patterns for path in folder.rglob(pattern)):
        if "site-packages" not in path.relative_to(folder).parts:
            yield path.read_bytes().decode("utf-8", "ignore")


def _cut(texts: Iterable[str], seen: set[str], size: int) -> Iterator[str]:
    """Join paragraphs not seen before into documents until there are `size` bytes of them."""
    for text in texts:
        document = ""
        for paragraph in text.split("\n\n"):
            if len(paragraph) >= _REPEATED and paragraph in seen:
                continue
            seen.add(paragraph)
            document += paragraph + "\n\n"
            if len(document) >= _DOCUMENT:
                yield document[: 2 * _DOCUMENT]
                size -= len(document[: 2 * _DOCUMENT].encode())
                document = ""
            if size <= 0:
                return
