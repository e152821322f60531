"""Calibration: how bills differ from our counts, stored for each provider and model.

A provider may add the same few tokens to every prompt. When the first bills all differ from the
count by the same number, that number is learned, and later counts include it. A difference that
changes from prompt to prompt is not an offset: it is reported, with its range, and not learned.
Nor is a bill far below the count: no frame is that much shorter than ours, so it was cut or is not
true. A negative offset moves only a forecast, see `CalibratedTokenizer`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from estimator.atomic_write import write_atomically
from estimator.json_files import read_json_file
from estimator.user_dirs import data_folder
from providers.provider import Provider

_CALIBRATION_SCHEMA = "afcost.calibration/1"
MIN_BILLS = 5  # before anything is learned
_MAX_OFFSET = 512  # tokens that framing may add; a larger one has another cause
_MIN_OFFSET = -64  # a frame of ours has no more that another may leave out


def is_offset(difference: int) -> bool:
    """Return whether framing alone can explain by how many tokens bills differ from counts."""
    return _MIN_OFFSET <= difference <= _MAX_OFFSET


@dataclass(frozen=True, slots=True)
class CalibrationRecord:
    """How the bills of one provider's model differ from our counts.

    Attributes:
        tokenizer: the name of the tokenizer that counted.
        calls: how many bills were compared.
        least, most: of billed minus counted tokens.
        learned: the day of the last bill.
    """

    tokenizer: str
    calls: int
    least: int
    most: int
    learned: date

    @property
    def offset(self) -> int | None:
        """Return how far every bill exceeds the count; None if not constant, or too large."""
        return self.least if self.least == self.most and is_offset(self.least) else None


def compare_with_bills(
    tokenizer: str, pairs: Sequence[tuple[int, int]], day: date, *, exact: bool
) -> CalibrationRecord | None:
    """Compare counts with bills.

    Args:
        tokenizer: the name of the one that counted.
        pairs: (counted, billed) prompt tokens of different calls.
        day: of the bills.
        exact: whether the vocabulary is the model's own. If it is not, prompts of similar length
            prove nothing, because a proportional error looks constant.

    Returns:
        the record; None where there are too few bills.
    """
    counts = [counted for counted, _ in pairs]
    if len(pairs) < MIN_BILLS or not (exact or max(counts) >= 2 * min(counts)):
        return None
    differences = [billed - counted for counted, billed in pairs]
    return CalibrationRecord(tokenizer, len(pairs), min(differences), max(differences), day)


def calibration_key(provider: Provider, model_id: str) -> str:
    """Return the key of a model's calibration; the same model at another address has its own."""
    address = "" if provider.builtin_url else f" at {provider.base_url}"
    return f"{provider.name}/{model_id}{address}"


def calibration_path() -> Path:
    """Return the path of the calibration file."""
    return data_folder() / "calibration.json"


def load_calibration(path: Path) -> dict[str, CalibrationRecord]:
    """Read all calibration records, by provider and model; none if the file is unreadable."""
    try:
        document = read_json_file(path)
        if document["schema"] != _CALIBRATION_SCHEMA:
            return {}
        return {
            name: CalibrationRecord(
                tokenizer=str(fields["tokenizer"]),
                calls=int(fields["calls"]),
                least=int(fields["least"]),
                most=int(fields["most"]),
                learned=date.fromisoformat(fields["learned"]),
            )
            for name, fields in document["models"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def learned_offset(path: Path, model: str, tokenizer: str) -> int | None:
    """Return the learned offset of a provider's model, if learned with this tokenizer."""
    record = load_calibration(path).get(model)
    return record.offset if record and record.tokenizer == tokenizer else None


def save_calibration(path: Path, new: dict[str, CalibrationRecord]) -> None:
    """Save calibration records, and keep those of other models; the file is replaced whole."""
    if not new:
        return
    records = load_calibration(path) | new
    rows = {
        name: asdict(record) | {"learned": record.learned.isoformat()}
        for name, record in records.items()
    }
    document = {"schema": _CALIBRATION_SCHEMA, "models": rows}
    write_atomically(path, json.dumps(document, indent=1) + "\n")
