// The options that an image is read with: as a query string, and as a curl command.

import { formFile, keyOption, quoted } from "../shared/curl.js";

// {} and "" where everything is as the server is set.
export function optionFields({ turn, boxThreshold }) {
  const fields = {};
  if (turn !== null) fields.orientation = turn;
  if (boxThreshold !== null) fields.det_db_box_thresh = boxThreshold;
  return fields;
}

export function addressWith(fields) {
  const query = new URLSearchParams(fields).toString();
  return query ? `ocr?${query}` : "ocr";
}

// minimum: the confidence below which lines are hidden.
export function curlCommand(image, minimum) {
  const fields = optionFields(image.options);
  if (minimum > 0) fields.drop_score = minimum;
  const url = new URL(addressWith(fields), document.baseURI).href;
  return ["curl", ...keyOption(), "-F", quoted(`file=@${formFile(image.name)}`), quoted(url)].join(" ");
}
