"""Bodies as clients send them, with tools, their results, thoughts and parts, by API.

Shapes of the references that `fields.yaml` names.
"""

from providers.clients import ClientApi

CHAT, RESPONSES, MESSAGES, GENERATE = ClientApi
USER = {"role": "user", "content": "Hi"}
PLAIN = {
    CHAT: {"model": "gpt-4.1", "messages": [USER]},
    RESPONSES: {"model": "gpt-5", "input": "Hi"},
    MESSAGES: {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [USER]},
    GENERATE: {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
}
FUNCTION = {"name": "find", "description": "Find it.", "parameters": {"type": "object"}}
SCHEMA = {"name": "verdict", "schema": {"type": "object"}}
HOUR = {"type": "ephemeral", "ttl": "1h"}
MINUTES = {"type": "ephemeral"}

_CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
RICH = {
    CHAT: {
        "model": "gpt-4.1",
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}],
            },
            {"role": "assistant", "content": None, "tool_calls": [_CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "It is there."},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "So."}]},
            {"role": "assistant", "content": "There.", "name": "a", "reasoning_content": "Hm."},
            {"role": "function", "name": "old", "content": "An old result."},
        ],
        "tools": [{"type": "function", "function": FUNCTION}],
        "functions": [FUNCTION],
        "response_format": {"type": "json_schema", "json_schema": SCHEMA},
        "guided_regex": "a+b",
    },
    RESPONSES: {
        "model": "gpt-5",
        "instructions": "Be brief.",
        "input": [
            USER,
            {
                "type": "message",
                "role": "developer",
                "content": [{"type": "input_text", "text": "D"}],
            },
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "Thought of it."}],
                "encrypted_content": "gAAAA",
            },
            {"type": "function_call", "call_id": "c", "name": "find", "arguments": '{"a":1}'},
            {"type": "function_call_output", "call_id": "c", "output": "It is there."},
            {
                "type": "custom_tool_call_output",
                "call_id": "c",
                "output": [{"type": "input_text", "text": "So."}],
            },
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [
                    {"type": "output_text", "text": "Ok", "annotations": [], "logprobs": []}
                ],
            },
            {"type": "additional_tools", "tools": [{"type": "function"} | FUNCTION]},
        ],
        "tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function"} | FUNCTION]}],
        "text": {"format": {"type": "json_schema"} | SCHEMA},
        "max_output_tokens": 50,
    },
    MESSAGES: {
        "model": "claude-sonnet-4-5",
        "max_tokens": 9,
        "system": [{"type": "text", "text": "S", "cache_control": MINUTES}],
        "messages": [
            USER,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Who?", "signature": "EqQB"},
                    {"type": "redacted_thinking", "data": "EmwK"},
                    {"type": "text", "text": "Look:"},
                    {"type": "tool_use", "id": "t1", "name": "find", "input": {"a": "b"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t1",
                        "content": [{"type": "text", "text": "It is there."}],
                        "cache_control": HOUR,
                    },
                    {"type": "tool_result", "tool_use_id": "t2", "content": "A plain result."},
                    {"type": "document", "source": {"type": "text", "data": "A long text."}},
                    {
                        "type": "search_result",
                        "source": "https://example.org",
                        "title": "A title",
                        "content": [{"type": "text", "text": "What was found."}],
                    },
                ],
            },
        ],
        "tools": [
            {"name": "find", "description": "Find it.", "input_schema": {"type": "object"}},
            {"type": "bash_20250124", "name": "bash"},
        ],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
    },
    GENERATE: {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}, {"text": "again"}]},
            {
                "role": "model",
                "parts": [
                    {"text": "Hm.", "thought": True},
                    {
                        "functionCall": {"name": "find", "args": {"a": "b"}},
                        "thoughtSignature": "CqgB",
                    },
                ],
            },
            {
                "role": "user",
                "parts": [{"functionResponse": {"name": "find", "response": {"b": "c"}}}],
            },
        ],
        "tools": [{"functionDeclarations": [FUNCTION]}],
        "generationConfig": {"responseSchema": {"type": "object"}, "maxOutputTokens": 7},
    },
}
