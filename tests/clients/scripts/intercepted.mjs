// JavaScript's clients, whose addresses stand in the code of a program, and not in its environment.
import { writeFileSync } from "node:fs";
import https from "node:https";

for (const name of Object.keys(process.env)) {
  if (/_(BASE_URL|API_BASE|API_URL)$/.test(name)) delete process.env[name];
}
const { default: Anthropic } = await import("@anthropic-ai/sdk");
const { GoogleGenAI } = await import("@google/genai");
const { default: OpenAI } = await import("openai");

const messages = [{ role: "user", content: "Hello!" }];
const chat = { model: "gpt-4o-mini", messages, max_completion_tokens: 64 };
const url = "https://api.openai.com/v1";
const apiKey = "sk-of-the-program";
const found = [];
let text;

const openai = new OpenAI({ baseURL: url, apiKey });
const said = (answer) => answer.choices[0].message.content;
found.push(["chat", said(await openai.chat.completions.create(chat))]);
text = "";
for await (const each of await openai.chat.completions.create({ ...chat, stream: true })) {
  text += each.choices[0]?.delta?.content ?? "";
}
found.push(["chat, streamed", text]);

const anthropic = new Anthropic({ baseURL: "https://api.anthropic.com", apiKey });
const message = { model: "claude-haiku-4-5", messages, max_tokens: 64 };
found.push(["message, streamed", await anthropic.messages.stream(message).finalText()]);

const google = new GoogleGenAI({ apiKey });
const generate = { model: "gemini-2.5-flash", contents: "Hello!" };
found.push(["generate", (await google.models.generateContent(generate)).text]);

const request = (agent) =>
  new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json" };
    const sent = https.request(`${url}/chat/completions`, { method: "POST", headers, agent });
    sent.on("error", reject).on("response", async (answer) => {
      let body = "";
      for await (const each of answer) body += each;
      resolve(said(JSON.parse(body)));
    });
    sent.end(JSON.stringify(chat));
  });
found.push(["https", await request()]);
found.push(["https, with an agent", await request(new https.Agent({ keepAlive: true }))]);

writeFileSync(process.argv[2], JSON.stringify(found));
