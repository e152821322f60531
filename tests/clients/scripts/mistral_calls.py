"""Mistral's own client, which reads no address from its environment."""

import json
import sys

from mistralai.client import Mistral

CHAT = {
    "model": "mistral-small-latest",
    "messages": [{"role": "user", "content": "Hello!"}],
    "max_tokens": 64,
}

with Mistral(api_key="sk-of-the-program") as client:
    found = [("chat", client.chat.complete(**CHAT).choices[0].message.content)]
with open(sys.argv[1], "w") as told:
    json.dump(found, told)
