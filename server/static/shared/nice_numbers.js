// Round numbers for the axes of plots.

// Rounds up to 1, 2 or 5 times a power of ten.
export function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((nice) => nice >= value * 0.999);
}
