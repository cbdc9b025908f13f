// Finds text in lines, whatever its case and width: "ＡＢＣ" is found by "abc".

// The text as it is compared.
export function folded(text) {
  return text.normalize("NFKC").toLowerCase();
}

// The places of a folded query in a text, as [start, end] in its code units.
export function placesIn(text, query) {
  if (!folded(text).includes(query)) return [];
  let plain = "";
  const starts = [];
  const ends = [];
  let at = 0;
  for (const character of text) {
    const part = folded(character);
    for (let unit = 0; unit < part.length; unit += 1) {
      starts.push(at);
      ends.push(at + character.length);
    }
    plain += part;
    at += character.length;
  }
  const found = [];
  for (let from = plain.indexOf(query); from >= 0; from = plain.indexOf(query, from + query.length)) {
    found.push([starts[from], ends[from + query.length - 1]]);
  }
  return found;
}
