// Parts of curl commands for a shell.

import { currentKey } from "./api_key.js";

// In place of the key itself, so that it is not copied with the command.
const KEY_HEADER = `-H "Authorization: Bearer $OCR_API_KEY"`;

export function keyOption() {
  return currentKey() ? [KEY_HEADER] : [];
}

// Sends a file as form data; `,` and `;` in its name are special there.
export function fileOption(name) {
  const written = /[,;"\\]/.test(name) ? `"${name.replace(/["\\]/g, "\\$&")}"` : name;
  return ["-F", quoted(`file=@${written}`)];
}

// Quotes text for a shell, unless it has only safe characters.
export function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
