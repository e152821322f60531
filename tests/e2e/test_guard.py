"""`afcost guard`: programs of others under a cap, against a provider that keeps its own bill."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import ExitStack
from decimal import Decimal

import pytest

from pricing.money import Money
from runner.ledger import FileLocation, read_ledger
from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour, Fault

IN, OUT = Decimal("0.50"), Decimal("2.00")
PRICE = f"openai/lab-model={IN}/{OUT}"
USUAL = Behaviour(answer="by-tier", output_tokens=(20, 60))

CHAT = """
import concurrent.futures, http.client, json, os, sys, urllib.error, urllib.request

KEY = os.environ["OPENAI_API_KEY"]

def call(number, stream=False, **fields):
    body = {"model": "lab-model", "max_tokens": 60, "stream": stream,
            "messages": [{"role": "user", "content": f"question {number}"}]} | fields
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + KEY}
    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()

def call_all(numbers, **fields):
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("THREADS", "8"))) as pool:
        return list(pool.map(lambda number: call(number, **fields), numbers))
"""


@pytest.fixture
def lab(server, tmp_path):
    server.reset(USUAL)
    return Lab(tmp_path)


def guard(lab: Lab, server, script: str, *options: str, cap: str = "1", ends: int = 0):
    (lab.folder / "study.py").write_text(f"{CHAT}\n{script}")
    options = ("--cap", cap, "--upstream", f"openai={server.url}/v1", "--price", PRICE, *options)
    return lab.afcost("guard", *options, "--", sys.executable, "study.py", ends=ends)


def dollars(bill) -> Decimal:
    return (bill.input_tokens * IN + bill.output_tokens * OUT) / 1_000_000


def report(lab: Lab):
    return json.loads(lab.afcost("report", "runs/study", "--format", "json").stdout)


def check_ledger_is_bill(lab: Lab, server) -> None:
    told, bill = report(lab), server.bill()
    assert Decimal(told["spent_usd"]) == dollars(bill)
    assert told["attempts"]["settled"] == len(bill.calls)
    assert Decimal(told["held_usd"]) == Decimal(told["reserved_usd"]) == 0


@pytest.mark.parametrize("stream", [False, True])
def test_every_call_of_a_program_is_in_the_ledger_as_it_was_billed(lab, server, stream):
    script = f"assert {{s for s, _ in call_all(range(40), stream={stream})}} == {{200}}"
    guard(lab, server, script)
    assert len(server.bill().calls) == 40
    check_ledger_is_bill(lab, server)


def test_a_stream_of_mistral_is_settled_by_the_usage_that_its_last_chunk_has_unasked(lab, server):
    script = """
os.environ["OPENAI_BASE_URL"] = os.environ["MISTRAL_BASE_URL"] + "/v1"
assert "usage" in call(1, stream=True, model="mistral-lab")[1]
"""
    options = (
        "--upstream",
        f"mistral={server.url}/v1",
        "--price",
        f"mistral/mistral-lab={IN}/{OUT}",
    )
    guard(lab, server, script, *options)
    assert len(server.bill().calls) == 1
    check_ledger_is_bill(lab, server)


def test_at_the_cap_calls_are_refused_and_the_command_ends_with_4(lab, server):
    script = """
done = [call(number) for number in range(400)]
refused = [text for status, text in done if status != 200]
assert {status for status, _ in done} == {200, 402}, done[-1]
assert "cap of $0.01 reached" in json.loads(refused[0])["error"]["message"]
sys.exit(7)
"""
    ended = guard(lab, server, script, cap="0.01", ends=4)
    assert "the cap was reached" in ended.stderr
    bill = dollars(server.bill())
    assert Decimal("0.97") <= bill / Decimal("0.01") <= 1
    check_ledger_is_bill(lab, server)


def test_what_a_cap_refused_is_named_by_its_last_message(lab, server):
    script = """
words = "Grade this answer. " * 10
asked = [{"role": "user", "content": f"{words}sk-oa-5c1e case {n}"} for n in range(20)]
done = [call(0, messages=[each])[0] for each in asked]
print([*done, 402].index(402))
"""
    (lab.folder / "promptfoo").write_text("#!/bin/sh\nexec python study.py\n")
    (lab.folder / "promptfoo").chmod(0o700)
    (lab.folder / "study.py").write_text(f"{CHAT}\n{script}")
    upstream = ("--upstream", f"openai={server.url}/v1", "--price", PRICE)
    ended = lab.afcost("guard", "--cap", "0.001", *upstream, "--", "./promptfoo", ends=4)
    first = int(ended.stdout)
    assert "promptfoo counts an answer whose grader was refused as a failure" in ended.stderr
    path = lab.folder / "runs" / "promptfoo" / "refused.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["ends"].split()[-1] for line in lines] == [str(n) for n in range(first, 20)]
    assert {line["begins"][:18] for line in lines} == {"Grade this answer."}
    assert f"case {first}\n" in ended.stderr
    assert f"and {20 - first - 5} more" in ended.stderr
    assert "sk-oa-5c1e" not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    told = json.loads(lab.afcost("report", "runs/promptfoo", "--format", "json").stdout)
    assert told["refused_at_cap"] == 20 - first
    lab.afcost("guard", "--cap", "1", *upstream, "--", "./promptfoo")
    assert not path.exists()


def test_a_refused_call_that_is_made_again_is_named_once(lab, server):
    script = "asked = [{'role': 'user', 'content': 'Hi!'}]\n"
    script += "[call(0, messages=asked) for _ in range(3)]"
    ended = guard(lab, server, script, cap="0.000001", ends=4)
    assert ended.stderr.count("openai/lab-model: Hi!") == 1
    assert "Hi! (3 times)" in ended.stderr
    assert " more\n" not in ended.stderr


def test_fifty_threads_at_once_stay_under_the_cap(lab, server):
    script = "os.environ['THREADS'] = '50'\ncall_all(range(400))"
    guard(lab, server, script, cap="0.01", ends=4)
    assert Decimal("0.97") <= dollars(server.bill()) / Decimal("0.01") <= 1
    check_ledger_is_bill(lab, server)


def test_the_programs_own_exit_code_is_the_commands(lab, server):
    guard(lab, server, "assert call(1)[0] == 200\nsys.exit(7)", ends=7)


def test_a_second_start_goes_on_under_the_same_cap(lab, server):
    for ends in (0, 4):
        guard(lab, server, "[call(n) for n in range(60)]", cap="0.007", ends=ends)
    assert dollars(server.bill()) <= Decimal("0.007")
    check_ledger_is_bill(lab, server)


def test_a_cap_below_what_is_spent_is_refused_before_the_program_starts(lab, server):
    guard(lab, server, "[call(n) for n in range(5)]", "--cap-tokens", "5000")
    sent = len(server.bill().calls)
    slips = [
        ("0.00001", (), "the cap, $0.00001, is below"),
        ("1", ("--cap-tokens", "3"), "--cap-tokens, 3 tokens, is below"),
        ("1", ("--cap-for", "openai/lab-model=0.00001"), "--cap-for openai/lab-model, $0.00001,"),
    ]
    for cap, options, said in slips:
        refused = guard(lab, server, "call(1)", *options, cap=cap, ends=3).stderr
        assert said in refused
        assert "spent already: runs/study/ledger.sqlite counts " in refused
        assert "over all starts" in refused
    assert len(server.bill().calls) == sent
    assert Decimal(report(lab)["approval"]["cap_usd"]) == 1


def test_without_a_limit_the_default_is_reserved_and_sent(lab, server):
    script = "print(call(1, max_tokens=None)[0])"
    refused = guard(lab, server, script)
    assert refused.stdout.strip() == "400"
    assert "--default-max-tokens" in refused.stderr
    sent = guard(lab, server, script, "--default-max-tokens", "9")
    assert sent.stdout.strip() == "200"
    (call,) = server.bill().calls
    assert call.output_tokens <= 9


def test_what_has_no_price_is_refused_and_not_sent(lab, server):
    script = "print(call(1, model='secret-model'))"
    told = guard(lab, server, script)
    assert "400" in told.stdout
    assert "secret-model" in told.stderr
    assert not server.bill().calls


def test_the_program_does_not_have_the_real_key(lab, server):
    script = "assert 'sk-oa-5c1e' not in str(dict(os.environ)), 'it has'\nassert call(1)[0] == 401"
    server.reset(Behaviour(api_key="sk-oa-5c1e"))
    guard(lab, server, script)
    guard(lab, server, script.replace("401", "200"), "--send-key", "openai")
    assert [call.billed for call in server.bill().calls] == [False, True]


@pytest.mark.parametrize("kind", ["500_after", "cut_after", "cut_stream", "no_usage", "malformed"])
def test_what_may_have_been_billed_is_held(lab, server, kind):
    server.reset(Behaviour(output_tokens=(20, 60), faults=(Fault(kind, calls=(2,)),)))
    guard(lab, server, "[call(n, stream=n % 2 == 0) for n in range(4)]")
    told, bill = report(lab), dollars(server.bill())
    assert told["attempts"]["held"] == 1
    assert Decimal(told["spent_usd"]) < bill
    assert bill <= Decimal(told["spent_usd"]) + Decimal(told["held_usd"])


def test_what_was_held_is_settled_by_a_providers_list_and_the_answers_are_shown(lab, server):
    server.reset(Behaviour(text="Yes.", output_tokens=20, faults=(Fault("cut_after", calls=(2,)),)))
    said = guard(lab, server, "[call(n) for n in range(3)]").stderr
    assert "afcost ledger runs/study reconcile --billed USD" in said
    (lab.folder / "usage.csv").write_text(f"model,cost_usd\nlab-model,{dollars(server.bill())}\n")
    usage = ("--usage", "usage.csv", "--reason", "the provider's list")
    lab.afcost("ledger", "runs/study", "reconcile", *usage)
    told = report(lab)
    assert Decimal(told["held_usd"]) == 0
    assert abs(Decimal(told["spent_usd"]) - dollars(server.bill())) < Decimal("1e-9")
    shown = json.loads(lab.afcost("show", "runs/study", "--format", "json").stdout)
    assert [each["text"] for each in shown] == ["Yes.", "Yes."]
    assert shown[0]["output_tokens"] == 20
    page = lab.afcost("show", "runs/study", "--limit", "1", "--page", "2").stdout.splitlines()
    assert page[0] == "calls 2 to 2 of 2"
    assert "openai/lab-model" in lab.afcost("show", "runs/study", "--model", "x", ends=1).stderr


def test_commands_that_need_a_plan_say_what_such_a_folder_is(lab, server):
    guard(lab, server, "call(1)")
    for command in ("calibration", "view", "stop"):
        said = lab.afcost(command, "runs/study", ends=1).stderr
        assert "is the folder of a guarded program" in said
    for command, option in (("report", "--html"), ("show", "--query")):
        assert option in lab.afcost(command, "runs/study", option, "1", ends=2).stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--upstream", "nowhere=http://127.0.0.1"), "expected PROVIDER=URL"),
        (("--send-key", "anthropic"), "--upstream anthropic=URL"),
        (("--price", "gpt=1/2"), "openai/gpt"),
        (("--cap-for", "nowhere/gpt=1"), "expected PROVIDER/MODEL=USD"),
        (("--cap-for", "judge=much"), "--cap-for judge=much: 'much'"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused_at_the_start(lab, server, options, said):
    told = guard(lab, server, "call(1)", *options, ends=2)
    assert said in told.stderr
    assert not server.bill().calls


def test_what_is_no_program_is_named_and_nothing_more_is_said(lab):
    said = lab.afcost("guard", "--cap", "1", "--", "no-such-program", ends=127).stderr
    assert said.splitlines()[1:] == [
        "afcost: no-such-program: there is no such command, in no folder of PATH"
    ]


def test_a_cap_that_no_call_counted_on_is_told_of(lab, server):
    said = guard(lab, server, "call(1)", "--cap-for", "lab-model=1").stderr
    assert "--cap-for lab-model: no call was of this model, or had this label" in said


def test_a_bill_above_what_was_reserved_stops_all_calls(lab, server):
    server.reset(Behaviour(output_tokens=(20, 60), faults=(Fault("over_max", calls=(3,)),)))
    told = guard(lab, server, "print([call(n)[0] for n in range(6)])", ends=1)
    assert told.stdout.strip() == "[200, 200, 200, 403, 403, 403]"
    assert "BREACH" in told.stderr


def test_a_model_whose_limit_bounds_no_reasoning_is_named(lab, server):
    script = "assert call(1, model='qwen3.8-max')[0] == 200"
    told = guard(lab, server, script, "--price", f"openai/qwen3.8-max={IN}/{OUT}")
    assert "max_tokens does not limit the reasoning of openai/qwen3.8-max" in told.stderr


def test_addresses_and_clouds_that_the_environment_names_are_warned_of(lab, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://user:pass-5c1e@gpu:8000/v1")
    monkeypatch.setenv("AZURE_API_BASE", "https://mine.example")
    said = lab.afcost("guard", "--cap", "1", "--", "true").stderr
    assert "give --upstream openai=http://HOST/v1" in said
    assert "AZURE_API_BASE is set: calls to Azure go past the cap" in said
    assert "pass-5c1e" not in said
    own = ("--upstream", "openai=http://127.0.0.1:1/v1", "--cap", "1", "--", "true")
    assert "OPENAI_BASE_URL" not in lab.afcost("guard", *own).stderr


def test_a_guard_within_a_guard_spends_from_the_outer_one_where_it_is_led_there(lab, server):
    script = """
import subprocess
open("part.py", "w").write(open("study.py").read().partition("import subprocess")[0]
                           + "print([call(n)[0] for n in range(4)])")
def guard_part(*options):
    command = (sys.executable, "-m", "afcost", "guard", "--cap", "0.0003", *options)
    command = (*command, "--", sys.executable, "part.py")
    return subprocess.run(command, capture_output=True, text=True)
alone = guard_part()
assert alone.returncode == 2 and "runs under `afcost guard` already" in alone.stderr, alone
led = guard_part("--upstream", "openai=" + os.environ["OPENAI_BASE_URL"], "--price", sys.argv[1])
assert led.returncode == 4, led
print(led.stdout)
"""
    (lab.folder / "study.py").write_text(f"{CHAT}\n{script}")
    options = ("--cap", "1", "--upstream", f"openai={server.url}/v1", "--price", PRICE)
    command = ("--run-dir", "runs/study", "--", sys.executable, "study.py", PRICE)
    told = lab.afcost("guard", *options, *command).stdout
    assert told.startswith("[200, ")
    assert told.strip().endswith("402]")
    check_ledger_is_bill(lab, server)


def test_a_program_that_sends_nothing_is_warned_of(lab, server):
    assert "no call came through" in guard(lab, server, "pass").stderr


def test_the_ledger_has_the_answers_and_no_key(lab, server):
    guard(lab, server, "call(1)")
    path = lab.folder / "runs" / "study" / "ledger.sqlite"
    ((text,),) = sqlite3.connect(path).execute("SELECT text FROM answer").fetchall()
    assert text
    assert b"sk-oa-5c1e" not in path.read_bytes()


# --- every API, many processes, crashes

FORMS = {
    "anthropic": """
url, key = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", "ANTHROPIC_API_KEY"
def write(n):
    parts = [{"type": "text", "text": f"question {n}"}]
    return {"model": "lab-model", "max_tokens": 60, "system": "Be brief.",
            "messages": [{"role": "user", "content": parts}]}
""",
    "openai": """
url, key = os.environ["OPENAI_BASE_URL"] + "/responses", "OPENAI_API_KEY"
def write(n): return {"model": "lab-model", "max_output_tokens": 60, "input": f"question {n}"}
""",
    "google": """
url, key = os.environ["GOOGLE_GEMINI_BASE_URL"], "GEMINI_API_KEY"
url += "/v1beta/models/lab-model:generateContent"
def write(n):
    return {"contents": [{"role": "user", "parts": [{"text": f"question {n}"}]}],
            "generationConfig": {"maxOutputTokens": 60}}
""",
}


@pytest.mark.parametrize("provider", FORMS)
def test_each_api_is_counted_capped_and_settled(lab, server, provider):
    script = f"""
{FORMS[provider]}
def send(n, stream):
    body, to = write(n), url
    if "contents" not in body:
        body["stream"] = stream
    elif stream:
        to = url.replace(":generateContent", ":streamGenerateContent") + "?alt=sse"
    headers = {{"Content-Type": "application/json", "x-api-key": os.environ.get(key, "none")}}
    try:
        request = urllib.request.Request(to, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
done = [send(n, n % 2 == 1) for n in range(60)]
assert {{status for status, _ in done}} == {{200, 402}}, done[0]
assert "cap of $0.003 reached" in done[-1][1]
"""
    version = "v1beta" if provider == "google" else "v1"
    options = ("--upstream", f"{provider}={server.url}/{version}")
    prices = ("--price", f"{provider}/lab-model={IN}/{OUT}")
    guard(lab, server, script, *options, *prices, cap="0.003", ends=4)
    assert Decimal("0.9") <= dollars(server.bill()) / Decimal("0.003") <= 1
    check_ledger_is_bill(lab, server)


def test_four_processes_and_their_threads_share_the_cap(lab, server):
    script = """
if len(sys.argv) == 1:
    import subprocess
    parts = [subprocess.Popen([sys.executable, "study.py", str(n)]) for n in range(4)]
    sys.exit(max(part.wait() for part in parts))
call_all(range(60))
"""
    guard(lab, server, script, cap="0.008", ends=4)
    assert Decimal("0.97") <= dollars(server.bill()) / Decimal("0.008") <= 1
    check_ledger_is_bill(lab, server)


def test_killed_and_started_again_it_forgets_nothing(lab, server):
    script = """
import signal
def call_or_kill(number):
    if number == 20 and len(sys.argv) == 1 and not os.path.exists("killed"):
        open("killed", "w").close()
        os.kill(os.getppid(), signal.SIGKILL)
    return call(number)
try:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(call_or_kill, range(300)))
except (OSError, http.client.HTTPException):
    pass
"""
    server.reset(Behaviour(output_tokens=(20, 60), answer="by-tier", delay=0.05))
    guard(lab, server, script, cap="0.008", ends=-9)
    guard(lab, server, script, cap="0.008", ends=4)
    told, bill = report(lab), dollars(server.bill())
    assert told["attempts"]["held"] > 0
    assert bill <= Decimal(told["spent_usd"]) + Decimal(told["held_usd"]) <= Decimal("0.008")


def test_an_answer_is_settled_though_its_client_has_left(lab, server):
    script = """
import socket, urllib.parse
address = urllib.parse.urlsplit(os.environ["OPENAI_BASE_URL"])
body = json.dumps({"model": "lab-model", "max_tokens": 60, "stream": True,
                   "messages": [{"role": "user", "content": "question"}]})
with socket.create_connection((address.hostname, address.port)) as client:
    lines = (f"POST {address.path}/chat/completions HTTP/1.1", f"Host: {address.netloc}",
             "Content-Type: application/json", f"Content-Length: {len(body)}", "", body)
    client.sendall("\\r\\n".join(lines).encode())
    client.recv(1)
"""
    server.reset(Behaviour(output_tokens=(20, 60), answer="by-tier", event_delay=0.1))
    guard(lab, server, script)
    assert len(server.bill().calls) == 1
    check_ledger_is_bill(lab, server)


# --- caps on parts of the calls


def test_a_cap_on_one_model_leaves_the_others_alone(lab, server):
    script = """
told = {name: [call(n, model=name)[0] for n in range(30)] for name in ("lab-model", "lab-other")}
assert set(told["lab-other"]) == {200}, told
assert 402 in told["lab-model"]
"""
    prices = ("--price", f"openai/lab-other={IN}/{OUT}")
    guard(lab, server, script, "--cap-for", "openai/lab-model=0.001", *prices, ends=4)
    spent = {row["model"]: Decimal(row["cost_usd"]) for row in report(lab)["strata"]}
    assert Decimal("0.0008") < spent["lab-model"] <= Decimal("0.001") < spent["lab-other"]


def test_a_cap_on_tokens_holds_over_starts_and_at_fifty_at_once(lab, server):
    script = "os.environ['THREADS'] = '50'\ncall_all(range(60))"
    for _ in range(2):
        guard(lab, server, script, "--cap-tokens", "2000", ends=4)
    bill = server.bill()
    assert 1800 < bill.input_tokens + bill.output_tokens <= 2000


def test_a_key_among_the_arguments_of_a_program_is_not_kept_in_a_file(lab):
    keys = ("sk-oa-5c1e", "sk-proj-0f3Ab_not-in-the-environment")
    words = ("true", keys[0], f"Authorization: Bearer {keys[1]}", "sk-learn-in-twenty-lessons")
    lab.afcost("guard", "--cap", "1", "--run-dir", "run", "--", *words, apart=True)
    kept = (lab.folder / "run" / "guard.json").read_text()
    assert not [key for key in keys if key in kept]
    assert words[-1] in kept


@pytest.mark.parametrize(
    ("option", "most"), [(("--cap-tokens", "2000"), None), (("--cap-for", "part=0.001"), "0.001")]
)
def test_caps_on_parts_hold_over_the_processes_that_share_a_ledger(
    lab, server, postgres, option, most
):
    script = "call_all(range(40))"
    (lab.folder / "study.py").write_text(
        f"{CHAT}\n{script}".replace('"Bearer " + KEY', '"Bearer " + KEY, "x-afcost-label": "part"')
    )
    shared = ("--ledger", postgres.database(), *option, "--cap", "1", "--price", PRICE)
    options = (*shared, "--upstream", f"openai={server.url}/v1")
    starts = [
        lab.start(
            "guard", *options, "--run-dir", f"runs/{n}/study", "--", sys.executable, "study.py"
        )
        for n in range(3)
    ]
    for each in starts:
        with each:
            said = each.communicate()[1]
        assert each.returncode == 4, said
    bill = server.bill()
    if most is None:
        assert 1800 < bill.input_tokens + bill.output_tokens <= 2000
    else:
        assert Decimal("0.85") < dollars(bill) / Decimal(most) <= 1


def test_how_a_start_with_a_shared_ledger_ended_is_told(lab, server, postgres):
    shared = ("--ledger", postgres.database())
    for cap, ends, outcome in (("0.0005", 4, "cap"), ("1", 0, "complete")):
        guard(lab, server, "[call(n) for n in range(9)]", *shared, cap=cap, ends=ends)
        assert report(lab)["outcome"] == outcome


def test_guards_that_share_a_ledger_divide_what_trust_puts_at_risk(lab, server, postgres):
    """Of a hundredth of the cap, which pays for 12 calls, the k-th of them has 1/k."""
    script = "os.environ['THREADS'] = '20'\ncall_all(range(100, 120))"
    guard(lab, server, script)
    with read_ledger(FileLocation(lab.folder / "runs" / "study" / "ledger.sqlite")) as reader:
        most = max(entry.reserved for entry in reader.entries())
    server.reset(USUAL)
    server.hold_after(0)
    cap = ("--cap", Money(100 * 12 * most.pico).to_decimal_string(), "--price", PRICE)
    shared = ("--ledger", postgres.database(), "--upstream", f"openai={server.url}/v1", *cap)
    with ExitStack() as starts:
        for n, sent in enumerate((12, 12 + 6, 12 + 6 + 4)):
            place = ("--run-dir", f"runs/{n}/study", "--", sys.executable, "study.py")
            starts.enter_context(lab.start("guard", *shared, *place))
            assert server.arrived(sent, 30) == sent
            assert server.arrived(sent + 1, 0.2) == sent
        server.release()


def test_what_was_lost_counts_with_all_of_its_tokens(lab, server):
    """The tokens of an answer that was lost are not known: all that it might have are counted."""
    server.reset(Behaviour(output_tokens=1, faults=(Fault("cut_after", probability=1.0),)))
    script = "print([call(n, max_tokens=300)[0] for n in range(9)].index(402))"
    for sent in (2, 0):
        assert int(guard(lab, server, script, "--cap-tokens", "1000", ends=4).stdout) == sent
    assert len(server.bill().calls) == 2


def test_a_label_in_a_header_is_a_stage_of_the_report_with_a_cap_of_its_own(lab, server):
    script = """
url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
def labelled(label):
    body = {"model": "lab-model", "max_tokens": 60, "messages": [{"role": "user", "content": "?"}]}
    headers = {"Content-Type": "application/json", "x-afcost-label": label}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code
labels = ("subject", "judge", "judge", "no label")
assert list(map(labelled, labels)) == [200, 200, 402, 400]
"""
    guard(lab, server, script, "--cap-for", "judge=0.0002", ends=4)
    assert {row["stage"]: row["calls"] for row in report(lab)["strata"]} == {
        "subject": 1,
        "judge": 1,
    }
