// The form under an operation: fields, the curl line that goes with them, and what comes back.

import { copyText } from "../shared/clipboard.js";
import { element } from "../shared/elements.js";
import { answerView, failureView } from "./answer_view.js";
import { fieldInput, valueOf } from "./field_input.js";
import { buildRequest, curlLine } from "./request.js";
import { words } from "./schema_view.js";
import { inLanguage, told } from "./strings.js";

export function tryForm(description, operation) {
  return new TryForm(description.bodyKinds(operation), operation).form;
}

class TryForm {
  constructor(kinds, operation) {
    this.kinds = kinds;
    this.operation = operation;
    this.name = `try-${operation.operationId}`;
    this.inputs = [];
    this.bodyPlace = element("div", { class: "fields" });
    this.curl = element("pre", { class: "curl", tabindex: "0", role: "group" });
    inLanguage(this.curl, "curl", "aria-label");
    this.result = element("div", { class: "result" });
    this.message = element("p", { class: "message", role: "status" });
    this.form = element("form", { class: "try", id: this.name, novalidate: true });
    this.form.addEventListener("submit", (event) => this.submitted(event));
    this.form.addEventListener("input", () => this.showCurl());
    this.build();
  }

  build() {
    const fields = element("div", { class: "fields" });
    for (const parameter of this.operation.parameters) {
      this.addInput(fields, parameter.name, parameter.in, parameter.schema, parameter);
    }
    this.sendButton = inLanguage(element("button", { type: "submit", class: "strong" }), "send");
    this.stopButton = inLanguage(element("button", { type: "button", hidden: true }), "stop");
    this.stopButton.addEventListener("click", () => this.abort?.abort());
    const copy = inLanguage(element("button", { type: "button", class: "small" }), "copy");
    copy.addEventListener("click", () => copyText(this.curl.textContent, copy));
    this.form.append(words("try", "h4"), ...this.kindChoice(), this.bodyPlace, fields);
    this.form.append(
      element("div", { class: "curl-head" }, words("curl"), copy),
      this.curl,
      element("div", { class: "send" }, this.sendButton, this.stopButton, this.message),
      this.result,
    );
    this.chooseKind(0);
  }

  kindChoice() {
    if (this.kinds.length < 2) return [];
    const id = `${this.name}-kind`;
    const options = this.kinds.map((kind, index) => element("option", { value: index }, kind.name));
    const choice = element("select", { id }, ...options);
    choice.addEventListener("change", () => this.chooseKind(Number(choice.value)));
    const label = inLanguage(element("label", { for: id }), "body_kind");
    return [element("div", { class: "fields" }, element("div", { class: "field" }, label, choice))];
  }

  addInput(place, name, where, schema, about = {}) {
    const input = fieldInput(`${this.name}-${where}-${name}`, name, schema, about);
    this.inputs.push({ name, where, control: input.control });
    place.append(input.view);
  }

  chooseKind(index) {
    this.kind = this.kinds[index];
    this.inputs = this.inputs.filter((each) => each.where !== "body");
    this.bodyPlace.replaceChildren();
    this.fileInput = this.jsonInput = null;
    if (this.kind) this.addBodyInputs();
    this.showCurl();
  }

  addBodyInputs() {
    const { mediaType, schema, image, example } = this.kind;
    if (mediaType === "application/json") {
      this.addJson(example);
    } else if (image === "file" || !schema.properties) {
      this.fileInput = this.addFile("image_file");
    }
    if (mediaType !== "application/json") {
      for (const [name, field] of Object.entries(schema.properties ?? {})) {
        if (name === "file" || this.isInQuery(name)) continue;
        this.addInput(this.bodyPlace, name, "body", field, field);
        if (name === "image") this.fillFromFile(this.inputs.at(-1).control, (text) => text);
      }
    }
  }

  // What may stand in the query or in the body is asked for once.
  isInQuery(name) {
    return this.operation.parameters.some((each) => each.in === "query" && each.name === name);
  }

  addFile(key, name = "file") {
    const id = `${this.name}-${name}`;
    const input = element("input", { type: "file", id, accept: "image/*,.tif,.tiff,.bmp" });
    const label = inLanguage(element("label", { for: id }), key);
    this.bodyPlace.append(element("div", { class: "field" }, label, input));
    return input;
  }

  addJson(example) {
    const id = `${this.name}-json`;
    const value = this.kind.image === "filename" ? { filename: "sign.jpg" } : example;
    this.jsonInput = element("textarea", { id, rows: "6", spellcheck: "false" });
    this.jsonInput.value = JSON.stringify(value, null, 2);
    const label = inLanguage(element("label", { for: id }), "body_text");
    this.bodyPlace.append(element("div", { class: "field wide" }, label, this.jsonInput));
    if (this.kind.image === "image") {
      this.fillFromFile(this.jsonInput, (text, before) => JSON.stringify({ ...readJson(before), image: text }, null, 2));
    }
  }

  // A file chooser whose image goes into a text field, as base64.
  fillFromFile(control, change) {
    const input = this.addFile("image_into", "into");
    input.addEventListener("change", async () => {
      if (!input.files[0]) return;
      control.value = change(await base64(input.files[0]), control.value);
      this.showCurl();
    });
  }

  request() {
    const values = { path: new Map(), query: new Map(), header: new Map(), body: new Map() };
    for (const { name, where, control } of this.inputs) {
      const value = valueOf(control);
      if (value !== "") values[where].set(name, value);
    }
    const file = this.fileInput?.files[0];
    return buildRequest(this.operation, this.kind, { values, file, json: this.jsonInput?.value });
  }

  showCurl() {
    this.curl.textContent = curlLine(this.request());
  }

  problem() {
    if (this.fileInput && !this.fileInput.files[0]) return told("choose_file");
    try {
      if (this.jsonInput) JSON.parse(this.jsonInput.value);
    } catch (error) {
      return told("bad_json", { reason: error.message });
    }
    return null;
  }

  async submitted(event) {
    event.preventDefault();
    const problem = this.problem();
    this.message.textContent = problem ?? told("sending");
    if (problem) return;
    const { method, url, headers, body } = this.request();
    this.abort = new AbortController();
    this.working(true);
    const started = performance.now();
    try {
      const answer = await fetch(url, { method, headers: [...headers], body, signal: this.abort.signal });
      const data = await answer.blob();
      const time = Math.round(performance.now() - started);
      const status = `${answer.status} ${answer.statusText}`.trim();
      this.message.textContent = told("answered", { status, time });
      this.result.replaceChildren(await answerView(answer, data, this.operation.operationId));
    } catch (error) {
      const stopped = error.name === "AbortError";
      this.message.textContent = told(stopped ? "stopped" : "no_answer");
      this.result.replaceChildren(...(stopped ? [] : [failureView(String(error))]));
    } finally {
      this.working(false);
    }
  }

  working(is) {
    this.sendButton.disabled = is;
    this.stopButton.hidden = !is;
  }
}

function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
