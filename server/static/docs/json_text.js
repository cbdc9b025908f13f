// Indented JSON with arrays of numbers, such as box corners, on one line.

const NUMBERS = /\[\n\s+(-?[\d.eE+-]+(?:,\n\s+-?[\d.eE+-]+)*)\n\s+\]/g;

// JSON strings contain no raw line breaks, so only line breaks added by indentation are removed.
export function indented(value) {
  return JSON.stringify(value, null, 2).replace(
    NUMBERS,
    (_, numbers) => `[${numbers.replace(/\n\s+/g, " ")}]`,
  );
}
