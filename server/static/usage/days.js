// Days as YYYY-MM-DD.

const DAY_MS = 86_400_000;

// The first of so many days that end with `last`.
export function firstDay(last, count) {
  return shifted(last, 1 - count);
}

// All days from first to last; those without usage have zeros.
export function everyDay(first, last, days) {
  const known = new Map(days.map((day) => [day.day, day]));
  const found = [];
  for (let day = first; day <= last; day = shifted(day, 1)) {
    found.push(known.get(day) ?? { day, images: 0, pages: 0, cached: 0, seconds: 0, bytes: 0, errors: 0 });
  }
  return found;
}

function shifted(day, count) {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * DAY_MS).toISOString().slice(0, 10);
}
