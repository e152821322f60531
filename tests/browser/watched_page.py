"""A page in a browser that is watched: what it says, asks for and opens is a problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:  # where it is missing, these tests are skipped
    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request

HEIGHT = 900
SHAPES = [(1440, "light"), (820, "dark"), (390, "dark")]  # layouts do not hang on the scheme
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]  # of axe
# What a figure on the page is in the report's JSON, and whether what is shown rounds to it.
READ_BACK = """() => {
  const report = JSON.parse(document.getElementById("report-data").textContent);
  const wrong = [];
  const all = [...document.querySelectorAll("data[data-figure]")];
  for (const each of all) {
    const path = each.dataset.figure.split(".")
      .map((part) => part.replaceAll("~1", ".").replaceAll("~0", "~"));
    const truth = path.reduce((found, key) => found?.[key], report);
    const unit = /\\d (s|min|h|days)$/.exec(each.textContent)?.[1];
    const hours = {s: 1 / 3600, min: 1 / 60, h: 1, days: 24}[unit];  // times are hours in JSON
    const scale = hours ?? {k: 1e3, M: 1e6, B: 1e9}[each.textContent.slice(-1)] ?? 1;
    const text = unit ? each.textContent.slice(0, -unit.length) : each.textContent;
    const shown = Number(text.replace("\\u2212", "-").replace(/[$%,+kMB]/g, ""));
    if (/^</.test(each.textContent)) {
      if (!(truth < Number(each.textContent.slice(1)))) wrong.push([each.dataset.figure, truth]);
      continue;
    }
    // A size is in points, without a sign.
    const isSize = /\\.(detectable|gap|floor)$|^mde$/.test(each.dataset.figure);
    const isNumber = /\\.(value|t|bound)$/.test(each.dataset.figure);
    const isSigned = /^[+\\u2212]|^0\\.0$/.test(each.textContent) && Math.abs(truth) <= 2;
    const isPoints = isSize || (isSigned && !isNumber);
    const times = /%/.test(each.textContent) || isPoints ? 100 : 1;
    const digits = (each.textContent.split(".")[1] ?? "").replace(/\\D/g, "").length;
    const off = Math.abs(shown * scale - Number(truth) * times);
    const isSame = String(truth) === each.value || Number(truth) === Number(each.value);
    if (!isSame || !(off <= 0.5000001 * scale * 10 ** -digits))
      wrong.push([each.dataset.figure, each.value, truth, each.textContent]);
  }
  return {count: all.length, wrong: wrong.slice(0, 5), report};
}"""
# Elements that stick out of the window, but for those in a region that scrolls.
_STICKING_OUT = """() => {
  const width = document.documentElement.clientWidth, found = [];
  for (const each of document.querySelectorAll("main *")) {
    if (each.closest(".scroll")) continue;
    const box = each.getBoundingClientRect();
    if (box.width && (box.right > width + 1 || box.left < -1))
      found.push(`${each.tagName} ${Math.round(box.right)}: ${each.textContent.slice(0, 40)}`);
  }
  if (document.documentElement.scrollWidth > width) found.push("the page scrolls sideways");
  return found.slice(0, 10);
}"""
# Texts of a chart that lie on each other; a heading is written twice in its place, for its halo.
_OVERLAPPING = """() => {
  const found = [];
  for (const chart of document.querySelectorAll("svg")) {
    const texts = [...chart.querySelectorAll("text")]
      .filter((each) => each.textContent.trim())
      .map((each) => [each.textContent, each.getBoundingClientRect()])
      .filter(([, box]) => box.width);
    texts.forEach(([one, a], i) => texts.slice(i + 1).forEach(([other, b]) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 1 && down > 4 && one !== other) found.push(`${one} on ${other}`);
    }));
  }
  return found.slice(0, 10);
}"""


@dataclass
class WatchedPage:
    """A page that a test looks at.

    Attributes:
        page: as playwright drives it.
        problems: errors on the console, requests that leave it, dialogs, and pages that it opened.
    """

    page: Page
    problems: list[str] = field(default_factory=list)

    def watch(self, origin: str) -> None:
        """Watch it from now on; requests to its own origin are no problem."""
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("dialog", self._dismiss)
        self.page.on("popup", lambda other: self.problems.append(f"opened {other.url}"))
        self.page.on("request", lambda request: self._check_request(request, origin))

    def find_cut_texts(self) -> list[str]:
        """Return what sticks out of the window, and texts of charts that lie on each other."""
        cut: list[str] = self.page.evaluate(_STICKING_OUT)
        return cut + list(self.page.evaluate(_OVERLAPPING))

    def list_tab_stops(self, most: int = 2_000) -> list[Any]:
        """Return what the tabulator key reaches, in its order, as `tag name` of each."""
        stops: list[str] = []
        for _ in range(most):
            self.page.keyboard.press("Tab")
            stop = self.page.evaluate(
                "() => { const on = document.activeElement; on.dataset.reached = '1';"
                " return on === document.body ? '' : on.tagName.toLowerCase(); }"
            )
            if not stop:
                break
            stops.append(stop)
        return stops

    def list_unreached(self) -> Sequence[str]:
        """Return controls that are seen and that the tabulator key did not reach."""
        controls = "a[href], button, input, select, textarea, summary, [tabindex='0']"
        found: list[str] = self.page.evaluate(
            """(controls) => [...document.querySelectorAll(controls)]
              .filter((each) => each.checkVisibility() && !each.disabled && each.tabIndex >= 0)
              .filter((each) => !each.dataset.reached)
              .map((each) => each.outerHTML.slice(0, 80))""",
            controls,
        )
        return found

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"console: {message.text[:200]}")

    def _dismiss(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _check_request(self, request: Request, origin: str) -> None:
        scheme, host = urlsplit(request.url)[:2]
        if scheme not in ("data", "blob", "file") and host != origin:
            self.problems.append(f"asked for {request.url[:200]}")
        if scheme == "file" and origin:
            self.problems.append(f"read {request.url[:200]}")


def open_watched(
    browser: Browser,
    where: Path | str,
    *,
    width: int = 1440,
    scheme: str = "light",
    bypass_csp: bool = False,
) -> WatchedPage:
    """Open a file or an address.

    Args:
        browser: to open it in.
        where: a path, or an address of this machine.
        width: of the window, in pixels.
        scheme: `light` or `dark`.
        bypass_csp: for a check that must put a script of its own into the page.
    """
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        color_scheme=scheme,  # type: ignore[arg-type] - one of the two
        bypass_csp=bypass_csp,
    )
    watched = WatchedPage(context.new_page())
    address = where.resolve().as_uri() if isinstance(where, Path) else where
    watched.watch(urlsplit(address).netloc)
    watched.page.goto(address)
    return watched
