// What this server accepts, and what an image would be refused for.

import { number, size, translate } from "../shared/language.js";

const given = document.documentElement.dataset;
const MEGAPIXEL = 1e6;

export const LIMITS = {
  bytes: Number(given.maxBodyBytes),
  documentBytes: Number(given.maxDocumentBytes),
  pixels: Number(given.maxPixels),
  jpegPixels: Number(given.maxJpegPixels), // they are reduced while they are decoded
  side: Number(given.maxSide),
  detectionSide: Number(given.maxDetectionSide),
};
export const FORMATS = given.formats.split(" ");
export const BOX_THRESHOLD = Number(given.boxThreshold);
export const DROP_SCORE = Number(given.dropScore); // lines of less confidence are not in answers

export function formatNames() {
  return FORMATS.join(translate("list_separator"));
}

// The code of the error that the server would answer with for an item of the session, or null.
export function refusal({ file, kind, size: pixels }) {
  if (kind !== "image" && file.size > LIMITS.documentBytes) return "document_too_large";
  if (kind === "image" && file.size > LIMITS.bytes) return "file_too_large";
  if (!file.size) return "missing_file";
  if (!pixels) return null;
  const { width, height } = pixels;
  const most = file.type === "image/jpeg" ? LIMITS.jpegPixels : LIMITS.pixels;
  const fits = width * height <= most && Math.max(width, height) <= LIMITS.side;
  return fits ? null : "too_many_pixels";
}

// Whether lines are searched on a smaller copy of the image.
export function isScaled({ width, height }) {
  return Math.max(width, height) > LIMITS.detectionSide;
}

// The limits as values for texts.
export function limitValues() {
  return {
    limit: size(LIMITS.bytes),
    documents: size(LIMITS.documentBytes),
    pixels: number(LIMITS.pixels / MEGAPIXEL, 1),
    side: number(LIMITS.detectionSide),
    formats: formatNames(),
  };
}

// The size of an image in pixels, or null if the browser cannot tell.
export function measure(file) {
  return new Promise((resolve) => {
    const probe = new Image();
    const url = URL.createObjectURL(file);
    const end = (found) => {
      URL.revokeObjectURL(url);
      resolve(found);
    };
    probe.addEventListener("load", () => end({ width: probe.naturalWidth, height: probe.naturalHeight }));
    probe.addEventListener("error", () => end(null));
    probe.src = url;
  });
}
