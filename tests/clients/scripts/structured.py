"""Official clients that want answers of a form: parsed schemas, tools that must be called."""

import json
import sys
from typing import Literal

import anthropic
import openai
from google import genai
from pydantic import BaseModel, Field

HELLO = [{"role": "user", "content": "Grade this answer: 4"}]


class Step(BaseModel):
    explanation: str
    score: int = Field(ge=1, le=5)


class Grade(BaseModel):
    verdict: Literal["good", "bad"]
    steps: list[Step] = Field(min_length=2)
    remark: str | None


def ask_openai():
    with openai.OpenAI() as client:
        asked = {"model": "gpt-4o-mini", "messages": HELLO, "max_completion_tokens": 300}
        parsed = client.chat.completions.parse(**asked, response_format=Grade)
        yield "chat, parsed", parsed.choices[0].message.parsed
        with client.chat.completions.stream(**asked, response_format=Grade) as stream:
            final = stream.get_final_completion()
        yield "chat, streamed and parsed", final.choices[0].message.parsed
        tool = openai.pydantic_function_tool(Grade)
        called = client.chat.completions.parse(**asked, tools=[tool], tool_choice="required")
        function = called.choices[0].message.tool_calls[0].function
        yield "chat, tool", function.parsed_arguments
        with client.chat.completions.stream(
            **asked, tools=[tool], tool_choice="required"
        ) as stream:
            final = stream.get_final_completion()
        yield (
            "chat, streamed tool",
            final.choices[0].message.tool_calls[0].function.parsed_arguments,
        )
        asked = {"model": "gpt-4o-mini", "input": HELLO, "max_output_tokens": 300}
        yield "response, parsed", client.responses.parse(**asked, text_format=Grade).output_parsed
        with client.responses.stream(**asked, text_format=Grade) as stream:
            yield "response, streamed and parsed", stream.get_final_response().output_parsed
        tool = openai.pydantic_function_tool(Grade)["function"] | {"type": "function"}
        called = client.responses.create(**asked, tools=[tool], tool_choice="required").output[0]
        yield "response, tool", Grade.model_validate_json(called.arguments)
        several = client.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, n=3, max_completion_tokens=60
        )
        assert len({each.message.content for each in several.choices}) == 3


def ask_anthropic():
    tool = {"name": "grade", "description": "Grades.", "input_schema": Grade.model_json_schema()}
    asked = {"model": "claude-haiku-4-5", "messages": HELLO, "max_tokens": 300}
    with anthropic.Anthropic() as client:
        assert client.messages.count_tokens(model="claude-haiku-4-5", messages=HELLO).input_tokens
        assert client.models.list().data
        called = client.messages.create(**asked, tools=[tool], tool_choice={"type": "any"})
        yield "message, tool", Grade(**called.content[0].input)
        with client.messages.stream(
            **asked, tools=[tool], tool_choice={"type": "tool", "name": "grade"}
        ) as stream:
            called = stream.get_final_message()
        yield "message, streamed tool", Grade(**called.content[0].input)
        free = client.messages.create(**asked, tools=[tool])
        assert free.stop_reason == "end_turn"
        parsed = client.messages.parse(**asked, output_format=Grade)
        yield "message, parsed", parsed.parsed_output


def ask_google():
    config = {
        "response_mime_type": "application/json",
        "response_schema": Grade,
        "max_output_tokens": 300,
    }
    called = {
        "function_declarations": [
            {"name": "grade", "parameters_json_schema": Grade.model_json_schema()}
        ]
    }
    mode = {"function_calling_config": {"mode": "ANY"}}
    asked = {"model": "gemini-2.5-flash", "contents": "Grade this answer: 4"}
    with genai.Client() as client:
        assert client.models.count_tokens(**asked).total_tokens
        assert [*client.models.list()]
        yield "generate, parsed", client.models.generate_content(**asked, config=config).parsed
        schema = {
            "response_mime_type": "application/json",
            "response_json_schema": Grade.model_json_schema(),
        }
        answer = client.models.generate_content(**asked, config=schema)
        yield "generate, JSON schema", Grade.model_validate_json(answer.text)
        chunks = client.models.generate_content_stream(**asked, config=config)
        text = "".join(each.text or "" for each in chunks)
        yield "generate, streamed and parsed", Grade.model_validate_json(text)
        answer = client.models.generate_content(
            **asked,
            config={
                "tools": [called],
                "tool_config": mode,
                "automatic_function_calling": {"disable": True},
            },
        )
        yield "generate, tool", Grade(**answer.function_calls[0].args)


found = [*ask_openai(), *ask_anthropic(), *ask_google()]
assert all(isinstance(grade, Grade) for _, grade in found), found
with open(sys.argv[1], "w") as told:
    json.dump([[name, grade.model_dump()] for name, grade in found], told)
