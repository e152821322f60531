"""instructor, which has a model fill in a class by a tool that it must call, or by JSON."""

import json
import sys

import instructor
import openai
from pydantic import BaseModel, Field


class Person(BaseModel):
    name: str
    age: int = Field(ge=0, le=120)
    friends: list[str]


MESSAGES = [{"role": "user", "content": "Anna is 30, and knows Bert and Carla."}]
found = []
for mode in (instructor.Mode.TOOLS, instructor.Mode.JSON, instructor.Mode.JSON_SCHEMA):
    client = instructor.from_openai(openai.OpenAI(), mode=mode)
    person = client.chat.completions.create(
        model="gpt-4o-mini", messages=MESSAGES, response_model=Person, max_tokens=200, max_retries=0
    )
    found.append([f"instructor, {mode}", person.model_dump()])
with open(sys.argv[1], "w") as told:
    json.dump(found, told)
