// The user's changes of recognized text, which can be undone.

// What belongs to an answer, and comes back with it.
const KEPT = ["answer", "answeredOptions", "outcome", "age", "stages"];

// An edited line keeps its recognized text as `original`.
export function isEdited(line) {
  return line.original !== undefined;
}

export function hasEdits(image) {
  return image?.answer?.data.lines.some(isEdited) ?? false;
}

export function editLine(session, image, index, text) {
  const { answer } = image;
  const before = answer.data.lines[index];
  if (text === before.text) return;
  image.history.push(snapshot(image));
  const original = before.original ?? before.text;
  const { original: _, ...rest } = before;
  const line = text === original ? { ...rest, text } : { ...rest, text, original };
  session.changeText(image, { ...answer, data: { ...answer.data, lines: answer.data.lines.with(index, line) } });
}

// A new answer replaces edited text; it can be undone, too.
export function rememberEdited(image) {
  if (image.history.length) image.history.push(snapshot(image));
}

export function canUndo(image) {
  return image.history.length > 0;
}

export function undo(session, image) {
  const before = image.history.pop();
  if (!before) return;
  if (before.answeredOptions === image.options) {
    session.changeText(image, before.answer);
    return;
  }
  const options = before.answeredOptions;
  session.change(image, { ...before, options, state: "done", failure: null, isSaved: false });
}

function snapshot(image) {
  return Object.fromEntries(KEPT.map((name) => [name, image[name]]));
}
