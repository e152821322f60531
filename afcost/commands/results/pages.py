"""Pages of what `afcost show` found."""

from __future__ import annotations

from runner.errors import BadRun


def check_page(page: int, limit: int, found: int) -> None:
    """Check that there is such a page; the first one may be empty.

    Args:
        page: from 1.
        limit: how many are on a page.
        found: in all.

    Raises:
        BadRun: there is none.
    """
    if found and (page - 1) * limit >= found:
        pages = -(-found // limit)
        there = "is 1 page" if pages == 1 else f"are {pages:,} pages"
        raise BadRun(f"--page {page}: there {there} of {limit:,}")
