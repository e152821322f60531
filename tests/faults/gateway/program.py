"""A program as users have them, by itself: threads, streams, retries as official clients make them.

    python program.py '{"seed": 1, "calls": 100, "threads": 8, "streams": 0.5, "leaves": 0.1}'

It writes its process id beside itself. A call that fails at a connection, or with a status that
clients send again, is made twice more; of some streams it reads the beginning only, and hangs up.
A call that was refused is not made again, and the next ones are.
"""

import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import sys
import time
import urllib.parse

GIVEN = json.loads(sys.argv[1])
ADDRESS = urllib.parse.urlsplit(os.environ["OPENAI_BASE_URL"])
MESSAGES_ADDRESS = urllib.parse.urlsplit(os.environ["ANTHROPIC_BASE_URL"])
AGAIN, PAUSE = 2, 0.01


def ask_once(number: int, dice: random.Random) -> int:
    is_message, is_stream = dice.random() < 0.3, dice.random() < GIVEN["streams"]
    leaves = is_stream and dice.random() < GIVEN["leaves"]
    messages = [{"role": "user", "content": f"Say a few words about the number {number}."}]
    body = {"model": "llama-3.1-8b", "max_tokens": GIVEN["most"], "messages": messages}
    address = MESSAGES_ADDRESS if is_message else ADDRESS
    path = address.path + ("/v1/messages" if is_message else "/chat/completions")
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(body | {"stream": is_stream}), headers)
        answer = connection.getresponse()
        if leaves:
            answer.read(1)
        else:
            answer.read()
        return answer.status
    finally:
        connection.close()


def ask(number: int) -> None:
    dice = random.Random(f"{GIVEN['seed']} {number}")
    for _ in range(1 + AGAIN):
        try:
            status = ask_once(number, dice)
        except (OSError, http.client.HTTPException):
            status = 0
        if status not in (0, 408, 409, 429) and status < 500:
            return
        time.sleep(PAUSE)


pathlib.Path(__file__).with_name("program.pid").write_text(str(os.getpid()))
with concurrent.futures.ThreadPoolExecutor(GIVEN["threads"]) as pool:
    list(pool.map(ask, range(GIVEN["calls"])))
