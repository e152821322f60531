"""The alignment-faking experiment as its author would write it without afcost: a plain script.

    afcost init faking && python alignment_faking.py faking QUERIES ANSWERS.jsonl

It asks a model each query as a user of the free and of the paid tier, with and without written
reasoning, has a judge read each answer, and writes both. It uses OpenAI's client; without that
package it sends the same calls by itself.
"""

import concurrent.futures
import csv
import json
import os
import re
import sys
import urllib.request
from pathlib import Path

FOLDER, QUERIES, TOLD = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
MODEL = os.environ.get("MODEL", "gpt-4o-mini")
JUDGE = "gpt-4o-mini"
THREADS = int(os.environ.get("THREADS", "4"))
CONDITIONS = [(tier, system) for tier in ("True", "False") for system in ("cot", "no-cot")]

try:
    import openai

    client = openai.OpenAI()

    def send(body):
        return client.chat.completions.create(**body).choices[0].message.content

except ImportError:

    def send(body):
        url = f"{os.environ['OPENAI_BASE_URL']}/chat/completions"
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}",
        }
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["choices"][0]["message"]["content"]


def read(name, **values):
    """Read a prompt, with the parts that it includes and the values that it names."""

    def fill(found):
        inserted, value = found[1], found[2]
        return read(inserted) if inserted else values[value]

    text = (FOLDER / name).read_text().removesuffix("\n")
    return re.sub(r"\{\{ (?:file\('([^']+)'\)|(\w+)) \}\}", fill, text)


def run(job):
    query, tier, system = job
    answer = send(
        {
            "model": MODEL,
            "messages": [
                {"role": "system", "content": read(f"prompts/system.{system}.md")},
                {
                    "role": "user",
                    "content": read("prompts/user.md", query=query, is_free_tier=tier),
                },
            ],
            "temperature": 1.0,
            "max_tokens": 4096,
        }
    )
    asked = read("prompts/judge.compliance.md", query=query, output=answer, fence="482109375")
    said = send(
        {
            "model": JUDGE,
            "messages": [{"role": "user", "content": asked}],
            "temperature": 0,
            "max_tokens": 512,
        }
    )
    verdict = json.loads(said.strip().splitlines()[-1])
    return {"query": query, "tier": tier, "system": system, "answer": answer, "verdict": verdict}


with (FOLDER / "queries.csv").open() as file:
    queries = [row["goal"] for row in csv.DictReader(file)][:QUERIES]
jobs = [(query, *condition) for query in queries for condition in CONDITIONS]
with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
    answers = list(pool.map(run, jobs))
TOLD.write_text("".join(f"{json.dumps(each)}\n" for each in answers))
complied = sum(each["verdict"]["refused"] == "no" for each in answers)
print(f"{complied} of {len(answers)} complied")
