"""YAML: a few lines never become gigabytes or minutes, and what is given twice is an error."""

from __future__ import annotations

import re
import time

import pytest

from experiment.errors import BadExperiment


def bomb(part: str, levels: int = 9) -> str:
    """Return aliases of aliases: 9 levels of 9 are 400 million parts."""
    lines = [f"a0: &a0 {part}"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels + 1)]
    return "\n  ".join(lines)


def merges() -> str:
    lines = ["m0: &m0 {x: 1}"]
    lines += [f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, 10)]
    return "\n  ".join(lines)


HOSTILE = {
    "aliases of aliases": (f"sampling:\n  {bomb('x')}", "aliases"),
    "aliases of a long text": (
        "extra:\n  t: &t '" + "x" * 1_000_000 + "'\n  u: [" + "*t, " * 1000 + "1]", "aliases"),
    "merges of merges": (f"extra:\n  {merges()}", "aliases"),
    "an alias in itself": ("extra: &e [*e]", "refers to itself"),
    "a mapping in itself": ("extra: &e {a: {b: *e}}", "refers to itself"),
    "nested lists": ("extra: " + "[" * 100_000, "nest"),
    "nested mappings": ("extra: " + "{a: " * 100_000, "nest"),
    "nested by indentation": ("extra:\n" + "".join(" " * n + "- \n" for n in range(1, 2000)), ""),
    "many keys": ("extra: {" + ", ".join(f"k{n}: 1" for n in range(120_000)) + "}", "values"),
    "a long whole number": ("samples: " + "9" * 5000, "too long to be a int"),
    "a long number of sixties": ("samples: " + "1" + ":1" * 100_000, "too long to be a int"),
    "a long fraction": ("samples: 0." + "9" * 100_000, "too long to be a float"),
    "a hexadecimal number": ("samples: 0x" + "f" * 1_000_000, "too long to be a int"),
    "a list as a key": ("? [a, b]\n: 1", "a key must be a text"),
    "a long key": ("? '" + "k" * 100_000 + "'\n: 1", "a key has more than"),
    "a key twice": ("samples: 1\nsamples: 2", "'samples' is given twice"),
    "a base_url twice": ("providers: {a: {base_url: 'http://a', base_url: 'http://b'}}", "twice"),
    "a set": ("factors: {f: {l: {s: !!set {a, b}}}}", "tag"),
    "bytes": ("factors: {f: {l: {s: !!binary aGVsbG8=}}}", "tag"),
    "an object": ("extra: !!python/object/apply:os.system ['true']", "tag"),
    "an unknown tag": ("extra: !anything 1", "tag"),
    "an unknown alias": ("extra: *nothing", "undefined alias"),
    "a control character": ("extra: \x07", "not valid YAML"),
    "a terabyte of samples": ("samples: 1000000000", "requests"),
    "more samples than numbers": ("samples: 99999999999999999999", "samples"),
    "more tokens than anything": ("sampling: {max_tokens: 99999999999999999999}", "max_tokens"),
    "crossed factors": (
        "factors: {" + ", ".join(
            f"f{f}: {{" + ", ".join(f"l{n}: {{}}" for n in range(100)) + "}" for f in range(9)
        ) + "}", "conditions"),
    "unknown fields": ("\n".join(f"unknown{n}: 1" for n in range(20_000)), "more"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_in_seconds_with_a_short_text(what, tiny, read, tmp_path):
    hostile, said = HOSTILE[what]
    field = hostile.partition(":")[0]
    kept = re.sub(rf"(?m)^{re.escape(field)}:.*\n(?: .*\n)*", "", tiny).splitlines()
    start = time.process_time()
    with pytest.raises(BadExperiment) as error:
        read("\n".join([*kept, hostile, ""]))
    assert time.process_time() - start < 8
    assert str(tmp_path / "experiment.yaml") in str(error.value)
    assert said in str(error.value)
    assert len(str(error.value)) < 20_000


def test_aliases_and_merges_of_an_ordinary_size_are_read(tiny, read):
    text = tiny + "judges:\n" + "".join(
        f"  - {{name: j{n}, model: gpt-5, sampling: {mark} {{max_tokens: 3}}, messages: "
        "[{role: user, content: x}]}\n" if n == 0 else
        f"  - {{name: j{n}, model: gpt-5, sampling: *s, messages: [{{role: user, content: x}}]}}\n"
        for n, mark in enumerate(["&s", ""])
    )  # fmt: skip
    assert [judge.sampling.max_tokens for judge in read(text).spec.judges] == [3, 3]
