"""The prices that are installed with the genai-prices package, mostly without importing it.

The package takes a tenth of a second to import, and an estimate asks for a few of its thousands of
prices. What it answered is kept, with a digest of the package and of what reads it; what was not
asked before imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache, cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pricing.rates import PriceOptions, Tariff
from pricing.read_files import digest_files, find_read_file, keep_read_file
from pricing.sources.genai import GenaiSource, load_bundled

_PACKAGE, _MODULE = "genai-prices", "genai_prices"
_MAX_KEPT = 1000  # answers; whoever lists all prices has imported the package anyway
_READERS = ("sources/genai.py", "sources/bundled.py", "sources/dated_ids.py", "rates/*.py")


class BundledPrices:
    """The answers of the package's data, as a price source.

    Args:
        today: as of `GenaiSource`.
        load: imports the package; called for the first question that was not asked before.
        digest: of all that answers depend on; empty where none are kept.
    """

    name = GenaiSource.name

    def __init__(self, today: date, load: Callable[[date], GenaiSource], digest: str) -> None:
        self._today, self._load, self._digest = today, load, digest
        self._kept: dict[str, Any] = (digest and find_read_file(_PACKAGE, digest)) or {}
        self._asked: dict[str, Any] = {}
        self._new = False

    def find_tariff(
        self, provider: str, model_id: str, options: PriceOptions = ()
    ) -> Tariff | None:
        """Return a model's prices with these options; None where unpriced or not known."""

        def find(source: GenaiSource) -> list[dict[str, Any]] | None:
            tariff = source.find_tariff(provider, model_id, options)
            return None if tariff is None else tariff.to_json()

        rows = self._answer(("tariff", provider, model_id, options, str(self.checked)), find)
        return None if rows is None else Tariff.from_json(rows)

    def context_window(self, provider: str, model_id: str) -> int | None:
        """Return the context window in tokens, or None where the package does not know it."""
        window: int | None = self._answer(
            ("window", provider, model_id), lambda each: each.context_window(provider, model_id)
        )
        return window

    def retirement_date(self, _provider: str, _model_id: str) -> date | None:
        """Return None, as `GenaiSource` does."""
        return None

    def min_cached_tokens(self, _provider: str, _model_id: str) -> int | None:
        """Return None, as `GenaiSource` does."""
        return None

    def model_ids(self, provider: str) -> list[str]:
        """Return the ids of all of a provider's models."""
        return list(self._answer(("ids", provider), lambda each: each.model_ids(provider)))

    @cached_property
    def checked(self) -> date | None:
        """The newest dated change up to today: the data was read on that day or later."""
        days: list[date] = self._answer(("changes",), lambda each: each.change_days())
        return max((day for day in days if day <= self._today), default=None)

    def keep_answers(self) -> None:
        """Keep what was asked for the next process, where some of it was new."""
        if not self._new or not self._digest:
            return
        answers = self._kept | self._asked
        if len(answers) > _MAX_KEPT:
            answers = self._asked
        if len(answers) <= _MAX_KEPT:
            keep_read_file(_PACKAGE, self._digest, answers)
        self._new = False

    def _answer(self, question: tuple[object, ...], ask: Callable[[GenaiSource], Any]) -> Any:  # noqa: ANN401 - JSON
        key = repr(question)
        if key not in self._asked:
            if key not in self._kept:
                self._kept[key] = ask(self._load(self._today))
                self._new = True
            self._asked[key] = self._kept[key]
        return self._asked[key]


@cache
def load_bundled_prices(today: date) -> BundledPrices:
    """Return the prices that are installed, with the answers that were kept of them."""
    return BundledPrices(today, load_bundled, _digest_package())


@cache
def _digest_package() -> str:
    """Return a digest of the package and of what reads it; empty where they are no plain files."""
    spec = find_spec(_MODULE)  # imports nothing
    here = Path(__file__).parents[1]
    if spec is None or spec.origin is None:
        return ""
    package = sorted(Path(spec.origin).parent.glob("*.py"))
    readers = sorted(each for name in _READERS for each in here.glob(name))
    try:
        files = [each.name.encode() + each.read_bytes() for each in [*package, *readers]]
    except OSError:
        return ""
    return digest_files(version(_PACKAGE), *files) if package and readers else ""
