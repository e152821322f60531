"""Files: an experiment reads its own folder and what the user allows, and waits for nothing."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from experiment.definition import QueryFile, read_query_table
from experiment.definition.loader import load_experiment
from experiment.errors import BadExperiment, BadQueries, BadTemplate, RefusedFile
from experiment.file_access import Trust, list_used_folders, read_file
from experiment.prompts.rendering.templates import Templates

SECRET = "a text that must not leave"  # noqa: S105 - of a test


@pytest.fixture
def folder(tmp_path):
    """Return an experiment's folder beside a secret."""
    own = tmp_path / "own"
    own.mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "x.txt").write_text(SECRET)
    (own / "a.txt").write_text("mine")
    return own


def link_file(folder):
    (folder / "link.txt").symlink_to(folder.parent / "secret" / "x.txt")
    return "link.txt"


def link_folder(folder):
    (folder / "inner").symlink_to(folder.parent / "secret")
    return "inner/x.txt"


def link_to_a_link(folder):
    (folder / "first").symlink_to(folder.parent / "secret")
    (folder / "second").symlink_to(folder / "first")
    return "second/x.txt"


def link_in_a_circle(folder):
    (folder / "one").symlink_to(folder / "two")
    (folder / "two").symlink_to(folder / "one")
    return "one"


def pipe(folder):
    os.mkfifo(folder / "pipe.txt")
    return "pipe.txt"


def link_to_a_pipe(folder):
    os.mkfifo(folder / "pipe.txt")
    (folder / "link.txt").symlink_to(folder / "pipe.txt")
    return "link.txt"


def listening_socket(folder, _kept=[]):  # noqa: B006 - open until the test ends
    _kept.append(socket.socket(socket.AF_UNIX))
    here = Path.cwd()
    os.chdir(folder)  # a socket's path is short
    _kept[-1].bind("s.txt")
    os.chdir(here)
    return "s.txt"


def large_file(folder):
    with (folder / "large.txt").open("wb") as file:
        file.truncate(10**12)
    return "large.txt"


def sub_folder(folder):
    (folder / "sub.txt").mkdir()
    return "sub.txt"


REFUSED = {
    "up": "../secret/x.txt",
    "up and down": "nothing/../../secret/x.txt",
    "absolute": lambda folder: str(folder.parent / "secret" / "x.txt"),
    "own name, and up": lambda folder: f"../{folder.name}/../secret/x.txt",
    "a sibling that begins alike": lambda folder: f"../{folder.name}-other/x.txt",
    "the system's": "/etc/passwd",
    "the environment": "/proc/self/environ",
    "an open file": "/dev/fd/0",
    "no end": "/dev/zero",
    "a terminal": "/dev/tty",
    "the kernel's": "/sys/kernel/uevent_seqnum",
    "a nul": "a\0.txt",
    "nothing": "",
    "a long path": "a/" * 10_000 + "x.txt",
    "a long name": "a" * 3000,
    "a link": link_file,
    "a linked folder": link_folder,
    "a link to a link": link_to_a_link,
    "a circle of links": link_in_a_circle,
    "a pipe": pipe,
    "a link to a pipe": link_to_a_pipe,
    "a socket": listening_socket,
    "a sparse terabyte": large_file,
    "a folder": sub_folder,
}


def name_file(folder, what):
    """Return a path, and make what it leads to."""
    made = REFUSED[what]
    return made if isinstance(made, str) else made(folder)


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_file_of_its_own_is_refused_at_once_in_every_place(folder, what):
    name = name_file(folder, what)
    with pytest.raises((RefusedFile, OSError)):
        read_file(folder, name, Trust())
    for function in ("file", "raw"):
        with pytest.raises(BadTemplate, match=r"^messages\[0\]: ") as error:
            Templates(folder).render(f"{{{{ {function}(path) }}}}", {"path": name}, "messages[0]")
        assert SECRET not in str(error.value)
    with pytest.raises(BadQueries) as refused:
        read_query_table(folder, QueryFile(file=name))
    assert SECRET not in str(refused.value)


def test_a_refusal_names_the_file_and_the_way_on(folder):
    with pytest.raises(BadTemplate) as error:
        Templates(folder).render("{{ file('../secret/x.txt') }}", {}, "messages[0]")
    said = str(error.value)
    assert "'../secret/x.txt' leads out of the experiment's folder" in said
    assert f"afcost trust {folder.parent / 'secret'}" in said


@pytest.mark.parametrize("name", ["a.txt", "./a.txt", "sub/../a.txt", "sub/link.txt"])
def test_its_own_files_are_read_whatever_the_way_to_them(folder, name):
    (folder / "sub").mkdir()
    (folder / "sub" / "link.txt").symlink_to(folder / "a.txt")
    assert read_file(folder, name, Trust()) == b"mine"


def test_an_experiment_in_a_linked_folder_reads_its_own_files(folder, tmp_path):
    (tmp_path / "shortcut").symlink_to(folder)
    assert read_file(tmp_path / "shortcut", "a.txt", Trust()) == b"mine"


@pytest.mark.parametrize("name", ["../secret/x.txt", "inner/x.txt"])
def test_a_trusted_folder_is_read_and_known_to_have_been(folder, name):
    link_folder(folder)
    trusted = str(folder.parent / "secret")
    trust = Trust(folders=(trusted, "/elsewhere"))
    assert read_file(folder, name, trust) == SECRET.encode()
    assert list_used_folders(folder, ["a.txt", name], trust) == (trusted,)
    assert list_used_folders(folder, ["a.txt"], trust) == ()


def test_a_file_that_an_approved_plan_pins_is_read_and_none_beside_it(folder):
    (folder.parent / "secret" / "y.txt").write_text(SECRET)
    trust = Trust(files=frozenset({"../secret/x.txt"}))
    assert read_file(folder, "../secret/x.txt", trust) == SECRET.encode()
    with pytest.raises(RefusedFile):
        read_file(folder, "../secret/y.txt", trust)


@pytest.mark.parametrize("name", ["/proc/self/environ", "/dev/zero"])
def test_what_belongs_to_the_system_is_not_read_even_where_it_is_trusted(folder, name):
    with pytest.raises(RefusedFile, match="operating system"):
        read_file(folder, name, Trust(folders=("/",), files=frozenset({name})))


@pytest.mark.parametrize("what", ["a pipe", "a sparse terabyte", "a circle of links"])
def test_an_experiment_file_that_is_none_is_refused_at_once(folder, what):
    path = folder / name_file(folder, what)
    with pytest.raises(BadExperiment, match="cannot read"):
        load_experiment(str(path))


@pytest.mark.parametrize("text", ["{% if output %}{{ raw(PATH) }}{% endif %}", "{{ file(PATH) }}"])
def test_an_outside_file_is_refused_in_a_branch_that_is_not_rendered_too(folder, text):
    outside = folder.parent / "secret" / "x.txt"
    templates = Templates(folder)
    with pytest.raises(BadTemplate, match="leads out of the experiment's folder"):
        templates.render(text.replace("PATH", repr(str(outside))), {"output": ""}, "a judge")


def test_a_file_that_is_not_there_is_an_error_only_where_it_is_rendered(folder):
    text = "{% if output %}{{ raw('none.txt') }}{% endif %}"
    assert Templates(folder).render(text, {"output": ""}, "a judge") == ""
