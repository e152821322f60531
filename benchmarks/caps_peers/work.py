"""What the peers' scripts share: ask what is not answered yet, many at once, and keep answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ANSWERS = Path("answers.jsonl")
Ask = Callable[[str], str | None]  # a prompt -> its answer, or None where the cap is reached
_writing = threading.Lock()


def ask_all(ask: Ask, setting: dict[str, Any]) -> None:
    """Ask what has no answer in the working folder, and print each kind of error once."""

    def one(number: int) -> None:
        text = ask(setting["prompt"].format(number))
        if text is not None:
            with _writing, ANSWERS.open("a") as file:
                file.write(json.dumps({"n": number, "text": text}) + "\n")

    with ThreadPoolExecutor(setting["concurrency"]) as pool:
        ended = [pool.submit(one, number) for number in _unanswered(setting)]
    errors = [error for error in (each.exception() for each in ended) if error]
    print(*{type(error).__name__: str(error)[:300] for error in errors}.items(), sep="\n")


def _unanswered(setting: dict[str, Any]) -> list[int]:
    lines = ANSWERS.read_text().splitlines() if ANSWERS.exists() else []
    answered = {json.loads(line)["n"] for line in lines}
    return [number for number in setting["numbers"] if number not in answered]
