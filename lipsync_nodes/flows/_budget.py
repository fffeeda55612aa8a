"""The budget, which refuses a submission before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lipsync_nodes._shared import Shared
from lipsync_nodes.errors import BudgetExceeded
from lipsync_nodes.service import whole_credits


class Budget(Shared):
    """The most credits that all submissions of a client together may cost: its *limit*. Thread-safe."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = whole_credits("budget", limit)
        self.committed = 0

    @contextmanager
    def holding(self, credits_: int | None) -> Iterator[None]:
        """Reserve *credits_* while the block submits. Release them if certainly nothing was charged.

        Raises:
            BudgetExceeded: the limit would be exceeded, or the cost is not known.

        """
        with self._lock:
            self.check(credits_)
            self.committed += credits_ or 0
        try:
            yield
        except Exception as error:
            if not getattr(error, "may_have_charged", True):
                with self._lock:
                    self.committed -= credits_ or 0
            raise

    def left_after(self, spent: int) -> int:
        """Return how many credits are left, if at least *spent* are known to be spent. They count from now on."""
        with self._lock:
            self.committed = max(self.committed, spent)
            return max(0, self.limit - self.committed)

    def check(self, credits_: int | None) -> int:
        """Return how many credits are left, without reserving any. Raises the errors of `holding`."""
        if credits_ is None:
            raise BudgetExceeded(code="budget.unknown_cost", limit=self.limit, remedy="give_length")
        left = self.limit - self.committed
        if whole_credits("estimate", credits_) > left:
            raise BudgetExceeded(code="budget.exceeded", credits=int(credits_), left=left, limit=self.limit)
        return left
