// The official clients of OpenAI, Anthropic and Google in JavaScript: plain and streaming.
import { writeFileSync } from "node:fs";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

const messages = [{ role: "user", content: "Hello!" }];
const found = [];

const openai = new OpenAI();
const chat = { model: "gpt-4o-mini", messages, max_completion_tokens: 64 };
found.push(["chat", (await openai.chat.completions.create(chat)).choices[0].message.content]);
let text = "";
for await (const each of await openai.chat.completions.create({ ...chat, stream: true })) {
  text += each.choices[0].delta.content ?? "";
}
found.push(["chat, streamed", text]);
const response = { model: "gpt-4o-mini", input: "Hello!", max_output_tokens: 64 };
found.push(["response", (await openai.responses.create(response)).output_text]);
text = "";
for await (const each of await openai.responses.create({ ...response, stream: true })) {
  if (each.type === "response.output_text.delta") text += each.delta;
}
found.push(["response, streamed", text]);

const anthropic = new Anthropic();
const message = { model: "claude-haiku-4-5", messages, max_tokens: 64 };
found.push(["message", (await anthropic.messages.create(message)).content[0].text]);
found.push(["message, streamed", await anthropic.messages.stream(message).finalText()]);

const google = new GoogleGenAI({});
const generate = { model: "gemini-2.5-flash", contents: "Hello!" };
found.push(["generate", (await google.models.generateContent(generate)).text]);
text = "";
for await (const each of await google.models.generateContentStream(generate)) {
  text += each.text ?? "";
}
found.push(["generate, streamed", text]);

writeFileSync(process.argv[2], JSON.stringify(found));
