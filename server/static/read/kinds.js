// What a file is, by its first bytes: an image, or a document with pages.

const START_BYTES = 1024; // a PDF may begin with something else, but not with more than this
const PDF = "%PDF-";

// "pdf", "tiff" (of several pages) or "image". The bytes decide, not the name.
export async function kindOf(file) {
  try {
    const start = await bytesOf(file, 0, START_BYTES);
    const text = String.fromCharCode(...new Uint8Array(start.buffer));
    if (isTiff(text)) return (await hasSeveralPages(file, start)) ? "tiff" : "image";
    return text.includes(PDF) && !isImage(text) ? "pdf" : "image";
  } catch {
    return "image"; // it cannot be read, or is cut off: sending it says why
  }
}

function isImage(text) {
  return /^(\x89PNG|\xff\xd8\xff|GIF8|BM|RIFF)/.test(text);
}

function isTiff(text) {
  return /^(II[*+]\0|MM\0[*+])/.test(text);
}

// Whether the first directory of a TIFF names another one.
async function hasSeveralPages(file, start) {
  const little = start.getUint8(0) === 0x49;
  const big = start.getUint16(2, little) === 43;
  const offset = (view, at) => (big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
  const first = offset(start, big ? 8 : 4);
  const head = await bytesOf(file, first, 8);
  const entries = big ? Number(head.getBigUint64(0, little)) : head.getUint16(0, little);
  const next = await bytesOf(file, first + (big ? 8 + 20 * entries : 2 + 12 * entries), 8);
  return offset(next, 0) > 0;
}

async function bytesOf(file, from, length) {
  return new DataView(await file.slice(from, from + length).arrayBuffer());
}
