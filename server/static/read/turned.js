// An answer in the coordinates of the upright page.

// Degrees by which an image is shown rotated clockwise: as the user wants, or as it was read.
export function shownAngle({ options, answer }) {
  return options.turn ?? answer?.data.angle ?? 0;
}

// The size and lines of an answer's data after the image is rotated clockwise by this angle.
export function turnedPage({ width, height, lines }, angle) {
  const sideways = angle % 180 !== 0;
  const turn = TURNS[angle];
  const first = 4 - angle / 90; // the corner that becomes the top left one
  return {
    width: sideways ? height : width,
    height: sideways ? width : height,
    lines: lines.map((line) => {
      const box = line.box.map(([x, y]) => turn(x, y, width, height));
      return { ...line, box: [...box.slice(first), ...box.slice(0, first)] };
    }),
  };
}

const TURNS = {
  0: (x, y) => [x, y],
  90: (x, y, width, height) => [height - y, x],
  180: (x, y, width, height) => [width - x, height - y],
  270: (x, y, width) => [y, width - x],
};
