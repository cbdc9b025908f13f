// JSON as people read it: indented, but a row of numbers, like a corner of a box, on one line.

const NUMBERS = /\[\n\s+(-?[\d.eE+-]+(?:,\n\s+-?[\d.eE+-]+)*)\n\s+\]/g;

// A text in JSON has no line ends of its own, so only what indenting broke is joined.
export function indented(value) {
  return JSON.stringify(value, null, 2).replace(
    NUMBERS,
    (_, numbers) => `[${numbers.replace(/\n\s+/g, " ")}]`,
  );
}
