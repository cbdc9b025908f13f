// The options that an image is read with: as a query string, and as a curl command.

import { fileOption, keyOption, quoted } from "../shared/curl.js";
import { DROP_SCORE } from "./limits.js";

// {} where everything is as the server is set.
export function optionFields({ turn, boxThreshold }) {
  const fields = {};
  if (turn !== null) fields.orientation = turn;
  if (boxThreshold !== null) fields.det_db_box_thresh = boxThreshold;
  return fields;
}

// minimum: the confidence below which lines are hidden.
export function hidingFields(minimum) {
  return minimum > DROP_SCORE ? { drop_score: minimum } : {};
}

export function addressWith(path, fields) {
  const query = new URLSearchParams(fields).toString();
  return query ? `${path}?${query}` : path;
}

export function curlCommand(image, minimum) {
  const page = image.document ? { pages: image.number } : {};
  const fields = { ...page, ...optionFields(image.options), ...hidingFields(minimum) };
  const url = new URL(addressWith("ocr", fields), document.baseURI).href;
  return ["curl", ...keyOption(), ...fileOption(image.name), quoted(url)].join(" ");
}
