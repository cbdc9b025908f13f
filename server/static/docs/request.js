// Builds a request from form values, and the equivalent curl command.

import { fileOption, keyOption, quoted } from "../shared/curl.js";

const PLACEHOLDER = "image.png";

// values: {path, query, header, body}, each a Map from name to value; file: the chosen image.
export function buildRequest(operation, kind, { values, file, json }) {
  const address = operation.path
    .slice(1)
    .replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values.path.get(name) ?? ""));
  const url = new URL(address, document.baseURI);
  for (const [name, value] of values.query) url.searchParams.append(name, value);
  const request = { method: operation.method, url: url.href, headers: new Map(values.header) };
  if (kind) addBody(request, kind, values.body, file, json);
  return request;
}

function addBody(request, kind, fields, file, json) {
  const { mediaType } = kind;
  if (mediaType === "multipart/form-data") {
    const form = new FormData();
    for (const [name, value] of fields) form.append(name, value);
    if (file) form.append("file", file, file.name);
    Object.assign(request, { body: form, fields, file });
  } else if (mediaType === "application/json") {
    request.headers.set("Content-Type", mediaType);
    request.body = json;
  } else if (mediaType === "application/x-www-form-urlencoded") {
    request.headers.set("Content-Type", mediaType);
    Object.assign(request, { body: new URLSearchParams([...fields]).toString(), fields });
  } else {
    const known = mediaType.includes("*") ? file?.type || "application/octet-stream" : mediaType;
    request.headers.set("Content-Type", known);
    Object.assign(request, { body: file, file, raw: true });
  }
}

export function curlLine(request) {
  const parts = ["curl"];
  if (request.method === "HEAD") parts.push("-I");
  else if (request.method !== (request.body === undefined ? "GET" : "POST")) parts.push("-X", request.method);
  for (const [name, value] of request.headers) {
    if (!(request.fields && name === "Content-Type")) parts.push("-H", quoted(`${name}: ${value}`));
  }
  parts.push(...keyOption(), ...bodyParts(request), quoted(request.url));
  return parts.join(" ");
}

function bodyParts({ body, fields, file, raw }) {
  if (raw) return ["--data-binary", quoted(`@${file?.name ?? PLACEHOLDER}`)];
  if (body instanceof FormData) {
    const texts = [...fields].flatMap(([name, value]) => ["--form-string", quoted(`${name}=${value}`)]);
    return file ? [...fileOption(file.name), ...texts] : texts;
  }
  if (fields) {
    return [...fields].flatMap(([name, value]) => ["--data-urlencode", quoted(`${name}=${value}`)]);
  }
  return body === undefined ? [] : ["-d", quoted(body)];
}
