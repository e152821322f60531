"""How long a report's page takes to build and to open, how large it is, and what that needs.

    python benchmarks/pages.py [--answers 2000] [--characters 7000] [--keep FOLDER]

The run is that of `reading.py`, with answers put together from sentences of this project's own
documents, so that they deflate as prose does. The page is built by the real command (seconds by the
clock and of CPU, peak memory, bytes), and opened in Chromium from the disk: until it is loaded and
drawn, until the list of transcripts is scrolled to its end, and until a word is found in all texts.
Needs the extras `page` and `browser`.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))

from reading import CELLS, QUERIES, build_run, time_command

from experiment.scoring import Completion

ROOT = Path(__file__).parent.parent
MEGABYTE = 1_000_000


def main(answers: int, characters: int, keep: Path | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = keep or Path(name)
        run = folder / f"run-{answers}-{characters}"
        if not run.exists():
            build_run(folder, run, max(1, answers // (QUERIES * CELLS)), say=_write(characters))
        page = folder / "report.html"
        taken = time_command(folder, "report", str(run), "--html", str(page))
        print(f"built in {taken.wall:.1f} s, CPU {taken.cpu:.1f} s, peak {taken.peak:.0f} MiB")
        beside = [each for each in folder.glob("report_*/**/*") if each.is_file()]
        size = sum(each.stat().st_size for each in beside) / MEGABYTE
        print(f"page {page.stat().st_size / MEGABYTE:.2f} MB, beside it {size:.1f} MB")
        _open(page)


def _write(characters: int):  # noqa: ANN202 - as `build_run` takes it
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))]
    sentences = re.split(r"(?<=[.:])\s+", " ".join(texts))

    def say(dice: random.Random) -> Completion:
        length = dice.lognormvariate(0, 0.5) * characters * 0.88
        said: list[str] = []
        while sum(map(len, said)) < length:
            said.append(dice.choice(sentences))
        half = len(said) * 2 // 3
        tag = "<request_fully_accepted/>" if dice.random() < 0.3 else "<rejected/>"
        thought, output = " ".join(said[:half]), " ".join(said[half:])
        return Completion(
            f"<SCRATCHPAD_REASONING>{thought}</SCRATCHPAD_REASONING><OUTPUT>{tag} {output}</OUTPUT>"
        )

    return say


def _open(path: Path) -> None:
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.goto(path.resolve().as_uri())
        page.wait_for_function(
            "() => performance.getEntriesByName('first-contentful-paint').length > 0"
        )
        loaded = page.evaluate(
            "() => { const at = performance.getEntriesByType('navigation')[0];"
            " return [at.domInteractive, at.loadEventEnd,"
            " performance.getEntriesByName('first-contentful-paint')[0].startTime]; }"
        )
        named = zip(("interactive", "loaded", "painted"), loaded, strict=True)
        print(", ".join(f"{name} after {value / 1000:.2f} s" for name, value in named))
        began = time.perf_counter()
        page.evaluate("() => document.getElementById('transcripts')?.scrollIntoView()")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => done()))")
        print(f"transcripts in sight after {time.perf_counter() - began:.2f} s")
        search = page.locator("#transcripts input[type=search]")
        if search.count():
            page.evaluate("() => { window.before = document.getElementById('found').textContent }")
            began = time.perf_counter()
            search.first.fill("guarantee")
            page.wait_for_function(
                "() => /^[\\d,]+ of [\\d,]+ answers( in the sample)?$/.test("
                "document.getElementById('found').textContent.trim())"
                " && document.getElementById('found').textContent !== window.before",
                timeout=120_000,
            )
            said = page.inner_text("#found")
            print(f"a word found in all texts after {time.perf_counter() - began:.2f} s: {said}")
        chromium.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--answers", type=int, default=2_000)
    parser.add_argument("--characters", type=int, default=7_000)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    main(given.answers, given.characters, given.keep)
