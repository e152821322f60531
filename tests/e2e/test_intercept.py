"""`afcost guard --intercept`: programs that name a provider's address in their code."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour

IN, OUT = Decimal("0.50"), Decimal("2.00")
USUAL = Behaviour(answer="by-tier", output_tokens=(20, 60), api_key="sk-oa-5c1e")
URL = "https://api.openai.com/v1/chat/completions"
STUDY = f"""
import json, os, signal, sys, urllib.error, urllib.request
import requests

def write_body(number, stream):
    return {{"model": "lab-model", "max_tokens": 60, "stream": stream,
             "messages": [{{"role": "user", "content": f"question {{number}}"}}]}}

def ask_urllib(number, stream=False, url="{URL}"):
    body = json.dumps(write_body(number, stream)).encode()
    headers = {{"Content-Type": "application/json", "Authorization": "Bearer sk-of-the-program"}}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()

session = requests.Session()

def ask_requests(number, stream=False):
    answer = session.post("{URL}", json=write_body(number, stream))
    return answer.status_code, answer.text
"""

NODE = f"""
const https = require("node:https");
const body = JSON.stringify({{ model: "lab-model", max_tokens: 60,
                              messages: [{{ role: "user", content: "?" }}] }});
const headers = {{ "Content-Type": "application/json" }};
const ask = (agent) => new Promise((done, fail) => {{
  const sent = https.request("{URL}", {{ method: "POST", headers, agent }}, (answer) => {{
    answer.resume().on("end", () => done(answer.statusCode));
  }});
  sent.on("error", fail).end(body);
}});
(async () => {{
  const found = [await ask(), await ask(new https.Agent({{ keepAlive: true }}))];
  found.push((await fetch("{URL}", {{ method: "POST", headers, body }})).status);
  await fetch("https://eu.api.openai.com/").catch((e) => found.push(e.cause.message));
  await fetch("https://127.0.0.1:9/").catch((e) => found.push(e.cause.code ?? "direct"));
  console.log(JSON.stringify(found));
}})();
"""


@pytest.fixture
def lab(server, tmp_path):
    server.reset(USUAL)
    return Lab(tmp_path)


def write_study(lab: Lab, server, script: str, *options: str, cap: str = "1") -> tuple[str, ...]:
    """Write a program, and return the arguments of `afcost` that run it."""
    (lab.folder / "study.py").write_text(f"{STUDY}\n{script}")
    upstream = ("--upstream", f"openai={server.url}/v1", "--send-key", "openai")
    price = ("--price", f"openai/lab-model={IN}/{OUT}")
    command = ("--", sys.executable, "study.py")
    return ("guard", "--intercept", "--cap", cap, *upstream, *price, *options, *command)


def dollars(bill) -> Decimal:
    return (bill.input_tokens * IN + bill.output_tokens * OUT) / 1_000_000


def report(lab: Lab):
    return json.loads(lab.afcost("report", "runs/study", "--format", "json").stdout)


@pytest.mark.parametrize("stream", [False, True])
def test_calls_to_an_address_in_the_code_are_in_the_ledger_as_they_were_billed(lab, server, stream):
    script = f"""
for number in range(5):
    for ask in (ask_urllib, ask_requests):
        status, text = ask(number, stream={stream})
        assert status == 200, text
        assert ("[DONE]" in text) is {stream}
"""
    lab.afcost(*write_study(lab, server, script))
    told, bill = report(lab), server.bill()
    assert told["attempts"]["settled"] == len(bill.calls) == 10
    assert Decimal(told["spent_usd"]) == dollars(bill)


def test_at_the_cap_they_are_refused(lab, server):
    script = "assert {ask_requests(n)[0] for n in range(60)} == {200, 402}"
    lab.afcost(*write_study(lab, server, script, cap="0.003"), ends=4)
    assert Decimal("0.0027") < dollars(server.bill()) <= Decimal("0.003")


def test_what_was_not_read_is_named(lab, server):
    script = """
for url in ("https://eu.api.openai.com/v1/models", "https://10.0.0.1/v1/models"):
    try:
        ask_urllib(1, url=url)
    except urllib.error.URLError as error:
        assert "Tunnel connection failed: " in str(error), error
"""
    told = lab.afcost(*write_study(lab, server, script)).stderr
    assert "connection refused: eu.api.openai.com (OpenAI in a region" in told
    assert "connection refused: 10.0.0.1 is on this machine or in its network" in told
    assert "no call came through here. What goes past --intercept" in told


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not here")
def test_nodes_own_fetch_and_https_come_here(lab, server):
    (lab.folder / "study.cjs").write_text(NODE)
    arguments = write_study(lab, server, "")
    told = lab.afcost(*arguments[: arguments.index("--")], "--", "node", "study.cjs")
    *statuses, refused, direct = json.loads(told.stdout)
    assert statuses == [200, 200, 200]
    assert "403 eu.api.openai.com" in refused
    assert "CONNECT" not in direct
    assert Decimal(report(lab)["spent_usd"]) == dollars(server.bill())
    assert len(server.bill().calls) == 3


def test_a_program_that_is_started_elsewhere_comes_here_too(lab, server):
    arguments = write_study(lab, server, "assert ask_requests(1)[0] == ask_urllib(2)[0] == 200")
    command = [sys.executable, "-m", "afcost", *arguments[: arguments.index("--")], "--print-env"]
    base = lab.environment()
    with subprocess.Popen(
        command, cwd=lab.folder, env=base, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as gateway:
        lines = [gateway.stdout.readline().decode()]
        while "AFCOST_INTERCEPTED" not in lines[-1]:  # the last of them
            lines.append(gateway.stdout.readline().decode())
        script = "".join([*lines, f"{sys.executable} study.py; dirname $SSL_CERT_FILE"])
        told = subprocess.run(
            ["/bin/sh", "-ec", script],
            cwd=lab.folder,
            env=base,
            capture_output=True,
            text=True,
            check=False,
        )
        gateway.terminate()
        gateway.communicate(timeout=60)
    assert (told.returncode, gateway.returncode) == (0, 0), told.stderr
    assert not Path(told.stdout.strip()).exists()
    assert len(server.bill().calls) == 2


@pytest.mark.parametrize("dies", [False, True])
def test_no_key_is_left_in_a_file_even_of_a_gateway_that_was_killed(lab, server, dies):
    script = f"""
assert ask_urllib(1)[0] == 200
assert "sk-oa-5c1e" not in str(dict(os.environ)), "it has the real key"
open("folder", "w").write(os.path.dirname(os.environ["SSL_CERT_FILE"]))
if {dies}:
    os.kill(os.getppid(), signal.SIGKILL)
"""
    arguments = write_study(lab, server, script)
    if dies:
        with lab.start(*arguments) as command:
            command.wait(60)
    else:
        lab.afcost(*arguments)
    folder = Path((lab.folder / "folder").read_text())
    assert folder.exists() == dies
    for file in folder.glob("*"):  # certificates alone
        assert "PRIVATE KEY" not in file.read_text()
        file.unlink()
    if dies:
        folder.rmdir()
