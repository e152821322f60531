"""Trust: how many answers of a model at an address were billed as expected, over earlier runs.

A run begins with as many requests of it in flight, and not with one. A file for each in the folder
`trust` of the state directory:

    model      as it was written last, for people
    answers    that were billed as expected since a breach, or an outage in which money was held
    mark       another one after each breach, so that what a process gained before is not added

The file is named by a digest of the address, the model's id there and its pinned price: with
another one of them, nothing is known. The key is no part of it. What cannot be read is no trust.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from estimator.atomic_write import make_private_folder, write_atomically
from estimator.json_files import read_json_file
from estimator.user_dirs import state_folder
from estimator.workload import PlannedModel
from runner.state.turn import Turn

_LOCK_TIMEOUT = 2.0  # seconds; what is locked takes milliseconds
_NOT_OF_THE_PRICE = {"source", "checked"}  # of a rate card


@dataclass(eq=False, slots=True)
class Trust:
    """What is known of the bills of a model at an address, and what this process adds to it.

    Attributes:
        path: of its file; None where nothing is kept.
        model: its name, for people.
        answers: that were billed as expected in earlier runs.
    """

    path: Path | None = None
    model: str = ""
    answers: int = 0
    _mark: str = ""
    _gained: int = 0
    _is_lost: bool = False
    _restarts: bool = False

    def gain(self) -> None:
        """Count an answer that was billed as expected."""
        self._gained += 1

    def restart(self) -> None:
        """Count from the beginning: money was held in an outage."""
        self._gained, self._restarts = 0, True

    def lose(self) -> None:
        """Forget all of it at once, also what other processes gained by now."""
        self._is_lost = True
        if self.path is None:
            return
        with ExitStack() as stack:
            with suppress(OSError):  # a process that has it may be suspended
                stack.enter_context(self._lock(self.path).take())
            self._write(self.path, 0, secrets.token_hex(8))

    def save(self) -> None:
        """Add what was gained, unless a breach was found meanwhile, here or elsewhere."""
        if self.path is None or self._is_lost or not (self._gained or self._restarts):
            return
        with suppress(OSError), self._lock(self.path).take():
            answers, mark = _read(self.path)
            if mark == self._mark:
                earlier = 0 if self._restarts else answers
                self._write(self.path, earlier + self._gained, mark)
                self._gained, self._restarts = 0, False

    def _write(self, path: Path, answers: int, mark: str) -> None:
        known = {"model": self.model, "answers": answers, "mark": mark}
        with suppress(OSError):  # a run does not need it, and less trust is never wrong
            if not answers:
                path.unlink(missing_ok=True)  # the disk may be full
            write_atomically(path, json.dumps(known) + "\n", durable=not answers)

    def _lock(self, path: Path) -> Turn:
        make_private_folder(path.parent)
        return Turn(FileLock(path.with_suffix(".lock"), mode=0o600), _LOCK_TIMEOUT)


def find_trust(address: str, model: PlannedModel) -> Trust:
    """Return what is known of the bills of a model.

    Args:
        address: the provider's base URL.
        model: with its pinned price.
    """
    offer = model.offer
    price = [dict(offer.options), _drop_sources(offer.tariff.to_json())]
    identity = [address.rstrip("/"), model.name.id, price]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]
    path = state_folder() / "trust" / f"{digest}.json"
    answers, mark = _read(path)
    return Trust(path, str(model.name), answers, mark)


def _read(path: Path) -> tuple[int, str]:
    """Return the answers and the mark of a file; 0 and nothing where it has none."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = read_json_file(path)
        answers, mark = known["answers"], known["mark"]
        if type(answers) is int and answers >= 0 and isinstance(mark, str):
            return answers, mark
    return 0, ""


def _drop_sources(price: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return all that a price says of what is billed."""
    if isinstance(price, dict):
        kept = {name: each for name, each in price.items() if name not in _NOT_OF_THE_PRICE}
        return {name: _drop_sources(each) for name, each in kept.items()}
    return [_drop_sources(each) for each in price] if isinstance(price, list) else price
