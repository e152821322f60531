// The official clients of OpenAI and Anthropic in JavaScript, asking a llama.cpp server.
import { writeFileSync } from "node:fs";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const model = "llama-3.1-tiny";
const say = (number) => [{ role: "user", content: `Tell me something about the number ${number}.` }];
const found = [];

const openai = new OpenAI();
const chat = (number) => ({ model, messages: say(number), max_completion_tokens: 40 });
found.push((await openai.chat.completions.create(chat(1))).usage.completion_tokens);
let chunks = 0;
for await (const each of await openai.chat.completions.create({ ...chat(2), stream: true })) {
  chunks += each.choices.length;
}
found.push(chunks);
const response = { model, input: "And the number 3?", max_output_tokens: 40 };
found.push((await openai.responses.create(response)).usage.output_tokens);
for await (const each of await openai.responses.create({ ...response, stream: true })) {
  if (each.type === "response.completed") found.push(each.response.usage.output_tokens);
}

const anthropic = new Anthropic();
const message = (number) => ({ model, messages: say(number), max_tokens: 40 });
found.push((await anthropic.messages.create(message(4))).usage.output_tokens);
found.push((await anthropic.messages.stream(message(5)).finalMessage()).usage.output_tokens);

writeFileSync(process.argv[2], JSON.stringify(found));
