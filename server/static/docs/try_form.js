// The form of an operation: input fields, the matching curl command, and the response.

import { callApi } from "../shared/api.js";
import { onKey } from "../shared/api_key.js";
import { copyText } from "../shared/clipboard.js";
import { element } from "../shared/elements.js";
import { answerView, failureView } from "./answer_view.js";
import { fieldInput, valueOf } from "./field_input.js";
import { buildRequest, curlLine } from "./request.js";
import { textElement } from "./schema_view.js";
import { localize, translate } from "./strings.js";

export function tryForm(description, operation) {
  return new TryForm(description.bodyKinds(operation), operation).form;
}

class TryForm {
  constructor(kinds, operation) {
    this.kinds = kinds;
    this.operation = operation;
    this.name = `try-${operation.operationId}`;
    this.inputs = [];
    this.bodyFields = element("div", { class: "fields" });
    this.curl = element("pre", { class: "curl", tabindex: "0", role: "group" });
    localize(this.curl, "curl", "aria-label");
    this.result = element("div", { class: "result" });
    this.message = element("p", { class: "message", role: "status" });
    this.form = element("form", { class: "try", id: this.name, novalidate: true });
    this.form.addEventListener("submit", (event) => this.submit(event));
    this.form.addEventListener("input", () => this.updateCurl());
    onKey(() => this.updateCurl());
    this.build();
  }

  build() {
    const fields = element("div", { class: "fields" });
    for (const parameter of this.operation.parameters) {
      this.addInput(fields, parameter.name, parameter.in, parameter.schema, parameter);
    }
    this.sendButton = localize(element("button", { type: "submit", class: "strong" }), "send");
    this.cancelButton = localize(element("button", { type: "button", hidden: true }), "cancel");
    this.cancelButton.addEventListener("click", () => this.abort?.abort());
    const copy = localize(element("button", { type: "button", class: "small" }), "copy");
    copy.addEventListener("click", () => copyText(this.curl.textContent, copy));
    this.form.append(textElement("try", "h4"), ...this.kindChoice(), this.bodyFields, fields);
    this.form.append(
      element("div", { class: "curl-head" }, textElement("curl"), copy),
      this.curl,
      element("div", { class: "send" }, this.sendButton, this.cancelButton, this.message),
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
    const label = localize(element("label", { for: id }), "body_type");
    return [element("div", { class: "fields" }, element("div", { class: "field" }, label, choice))];
  }

  addInput(container, name, where, schema, about = {}) {
    const input = fieldInput(`${this.name}-${where}-${name}`, name, schema, about);
    this.inputs.push({ name, where, control: input.control });
    container.append(input.view);
  }

  chooseKind(index) {
    this.kind = this.kinds[index];
    this.inputs = this.inputs.filter((each) => each.where !== "body");
    this.bodyFields.replaceChildren();
    this.fileInput = this.jsonInput = null;
    if (this.kind) this.addBodyInputs();
    this.updateCurl();
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
        this.addInput(this.bodyFields, name, "body", field, field);
        if (name === "image") this.fillFromFile(this.inputs.at(-1).control, (text) => text);
      }
    }
  }

  // Fields allowed in both query and body get only one input.
  isInQuery(name) {
    return this.operation.parameters.some((each) => each.in === "query" && each.name === name);
  }

  addFile(key, name = "file") {
    const id = `${this.name}-${name}`;
    const input = element("input", { type: "file", id, accept: "image/*,.tif,.tiff,.bmp" });
    const label = localize(element("label", { for: id }), key);
    this.bodyFields.append(element("div", { class: "field" }, label, input));
    return input;
  }

  addJson(example) {
    const id = `${this.name}-json`;
    const value = this.kind.image === "filename" ? { filename: "sign.jpg" } : example;
    this.jsonInput = element("textarea", { id, rows: "6", spellcheck: "false" });
    this.jsonInput.value = JSON.stringify(value, null, 2);
    const label = localize(element("label", { for: id }), "body_json");
    this.bodyFields.append(element("div", { class: "field wide" }, label, this.jsonInput));
    if (this.kind.image === "image") {
      this.fillFromFile(this.jsonInput, (text, before) => JSON.stringify({ ...readJson(before), image: text }, null, 2));
    }
  }

  // A file input that writes the chosen image into a text field as Base64.
  fillFromFile(control, change) {
    const input = this.addFile("insert_image", "into");
    input.addEventListener("change", async () => {
      if (!input.files[0]) return;
      control.value = change(await base64(input.files[0]), control.value);
      this.updateCurl();
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

  updateCurl() {
    this.curl.textContent = curlLine(this.request());
  }

  problem() {
    if (this.fileInput && !this.fileInput.files[0]) return translate("choose_file");
    try {
      if (this.jsonInput) JSON.parse(this.jsonInput.value);
    } catch (error) {
      return translate("invalid_json", { reason: error.message });
    }
    return null;
  }

  async submit(event) {
    event.preventDefault();
    const problem = this.problem();
    this.message.textContent = problem ?? translate("sending");
    if (problem) return;
    const { method, url, headers, body } = this.request();
    this.abort = new AbortController();
    this.setSending(true);
    const started = performance.now();
    try {
      const answer = await callApi(url, { method, headers: [...headers], body, signal: this.abort.signal });
      const data = await answer.blob();
      const time = Math.round(performance.now() - started);
      const status = `${answer.status} ${answer.statusText}`.trim();
      this.message.textContent = translate("response_time", { status, time });
      this.result.replaceChildren(await answerView(answer, data, this.operation.operationId));
    } catch (error) {
      const cancelled = error.name === "AbortError";
      this.message.textContent = translate(cancelled ? "cancelled" : "no_response");
      this.result.replaceChildren(...(cancelled ? [] : [failureView(String(error))]));
    } finally {
      this.setSending(false);
    }
  }

  setSending(isSending) {
    this.sendButton.disabled = isSending;
    this.cancelButton.hidden = !isSending;
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
