"""Asked again: requests whose answer, by a batch, is none that can be used, and are sent once more.

As with calls, `again` of the experiment file says how often: a verdict that cannot be read, an
answer that is truncated or empty. What counts are the answers that batches of this plan have
brought, as the ledger has them, so that whichever execution collects them goes on. Answers of
calls, of earlier plans and from elsewhere stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from experiment.prompts import Request, RequestBuilder
from experiment.scoring import Completion
from runner.ledger import ResumeQueries


class AskedAgain:
    """Finds the answered requests that are asked again.

    Args:
        requests: of the plan.
        ledger: with their answers.
        work: the digest of the plan's work.
    """

    def __init__(self, requests: RequestBuilder, ledger: ResumeQueries, work: str) -> None:
        spec = requests.experiment.spec
        self._requests, self._ledger = requests, ledger
        self.may_be = bool(spec.answer.again or any(judge.again for judge in spec.judges))
        self._others = {each.chunk for each in ledger.chunks() if each.work != work}
        self._found: set[str] = set()
        self._left_so: set[str] = set()

    def count_answers(self, jobs: Sequence[str]) -> Counter[str]:
        """Return id of a request of some jobs -> how many answers batches of this plan brought."""
        if not self.may_be:
            return Counter()
        answers = self._ledger.chunk_answers(jobs)
        return Counter(request for request, chunk in answers if chunk not in self._others)

    def asks(self, request: Request, said: Completion, answers: int) -> bool:
        """Return whether a request is asked again.

        Args:
            request: that is answered.
            said: its last answer.
            answers: how many batches of this plan brought.
        """
        if not answers or request.id in self._left_so:
            return False
        if answers > self._requests.max_resends(request, said):
            return False
        self._found.add(request.id)
        return True

    def leave(self, request: Request) -> bool:
        """Leave a request with the answer that it has; return False where it has none."""
        if request.id not in self._found:
            return False
        self._left_so.add(request.id)
        return True
