// The texts of the OpenAPI document, which is in English, in the language of the page.

import { language } from "../shared/language.js";
import answers from "./zh_answers.js";
import fields from "./zh_fields.js";
import operations from "./zh_operations.js";

// {} stands for a value that the server inserts.
const CHINESE = { ...operations, ...fields, ...answers };
const PATTERNS = Object.entries(CHINESE)
  .filter(([english]) => english.includes("{}"))
  .map(([english, chinese]) => [pattern(english), chinese]);

// {text, lang}: the text as it is where there is no translation.
export function translated(english) {
  if (!language().startsWith("zh")) return { text: english, lang: "en" };
  const lines = english.split("\n");
  const chinese = lines.map((line) => (line ? inChinese(line) : line));
  const isComplete = chinese.every((line) => line !== null);
  const text = lines.map((line, at) => chinese[at] ?? line).join("\n");
  return { text, lang: isComplete ? language() : "en" };
}

// null if there is no translation.
function inChinese(english) {
  if (english in CHINESE) return CHINESE[english];
  for (const [expected, chinese] of PATTERNS) {
    const found = expected.exec(english);
    if (!found) continue;
    const values = found.slice(1);
    return chinese.replaceAll("{}", () => values.shift());
  }
  return null;
}

function pattern(english) {
  const parts = english.split("{}").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("(.+?)")}$`);
}
