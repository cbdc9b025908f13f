// node recognize.mjs http://127.0.0.1:8888 imgs/sign.jpg [job]: needs only Node.js 18.

import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";

const TRIES = 4;

function noAnswer(error) {
  throw new Error(`no answer: ${error.cause?.message ?? error.message}; is the server running?`);
}

// Send a request and parse its JSON; wait and retry while the server is busy.
async function ask(url, body) {
  for (let triesLeft = TRIES - 1; ; triesLeft -= 1) {
    const headers = body ? { "Content-Type": "application/octet-stream" } : {};
    const answer = await fetch(url, { method: body ? "POST" : "GET", headers, body }).catch(noAnswer);
    const value = await answer.json();
    if (answer.ok) return value;
    if (answer.status !== 503 || triesLeft === 0) {
      throw new Error(`${answer.status} ${value.error.code}: ${value.error.message}`);
    }
    await pause(1000 * Number(answer.headers.get("Retry-After")));
  }
}

// Send the image and wait for its text.
function recognize(server, image) {
  return ask(`${server}/ocr`, image);
}

// Start a job and fetch its result later.
async function recognizeAsJob(server, image) {
  let answer = await ask(`${server}/ocr?block_flag=false`, image);
  while (!answer.data) {
    const { state, url, error } = answer.job;
    if (["failed", "cancelled"].includes(state)) throw new Error(`job ${state}: ${error?.message}`);
    answer = await ask(`${server}${url}?wait=30`);
  }
  return answer;
}

const [server, name, mode] = process.argv.slice(2);
const run = mode === "job" ? recognizeAsJob : recognize;
try {
  if (!name) throw new Error("usage: node recognize.mjs http://127.0.0.1:8888 IMAGE [job]");
  const { data } = await run(server, await readFile(name));
  for (const { confidence, text } of data.lines) console.log(`${confidence.toFixed(4)} ${text}`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
