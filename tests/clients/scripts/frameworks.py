"""DSPy, LlamaIndex and instructor, which stand on the clients of others."""

import json
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or LiteLLM, below DSPy, asks the network
import dspy
import instructor
import openai
from llama_index.llms.openai import OpenAI

found = []
for name in ("openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"):
    found.append([f"dspy, {name}", dspy.LM(name, max_tokens=64, cache=False)("Hello!")[0]])
llama_index = OpenAI(model="gpt-4o-mini", max_tokens=64)
found.append(["LlamaIndex", llama_index.complete("Hello!").text])
found.append(["LlamaIndex, streamed", [*llama_index.stream_complete("Hello!")][-1].text])
client = instructor.from_openai(openai.OpenAI())
messages = [{"role": "user", "content": "Hello!"}]
found.append(
    [
        "instructor",
        client.chat.completions.create(
            model="gpt-4o-mini", messages=messages, response_model=None, max_tokens=64
        )
        .choices[0]
        .message.content,
    ]
)
with open(sys.argv[1], "w") as told:
    json.dump(found, told)
