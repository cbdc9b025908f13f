// Selects text on the image with the mouse. Between and next to the lines, the selection ends in the
// nearest line of the nearest area, so that it stays in its column; a browser alone would select
// everything up to the end of the page there.

// layer: its children are the lines in reading order, each with the number of its area.
export function listenForSelection(layer, viewport) {
  let isSelecting = false;
  // Another click selects a word, which browsers do by themselves.
  layer.addEventListener("mousedown", (event) => {
    const { button, detail, shiftKey, clientX: x, clientY: y, target } = event;
    if (button !== 0 || detail > 1 || !target.closest(".text-line")) return;
    event.preventDefault();
    viewport.focus({ preventScroll: true });
    // An edit that ended now has drawn the lines again.
    const caret = caretIn(lineAt(layer, x, y), x, y);
    const selection = getSelection();
    if (shiftKey && layer.contains(selection.anchorNode)) selection.extend(...caret);
    else selection.collapse(...caret);
    isSelecting = true;
  });
  document.addEventListener("mousemove", (event) => {
    if (!(event.buttons & 1)) isSelecting = false;
    if (!isSelecting) return;
    const { clientX: x, clientY: y } = event;
    const line = lineAt(layer, x, y);
    if (line) getSelection().extend(...caretIn(line, x, y));
  });
}

function lineAt(layer, x, y) {
  return document.elementFromPoint(x, y)?.closest(".text-line") ?? nearestLine(layer, x, y);
}

function nearestLine(layer, x, y) {
  const shown = [...layer.children].filter((line) => !line.classList.contains("filtered"));
  const lines = shown.map((line) => ({ line, area: line.dataset.area, box: line.getBoundingClientRect() }));
  const inArea = Map.groupBy(lines, ({ area }) => area);
  const areas = [...inArea.values()].map((members) => ({ members, box: around(members.map(({ box }) => box)) }));
  const farFrom = ({ box }) => Math.hypot(across(box, x), down(box, y));
  const least = Math.min(...areas.map(farFrom));
  const candidates = areas.filter((area) => farFrom(area) === least).flatMap(({ members }) => members);
  candidates.sort((one, other) => down(one.box, y) - down(other.box, y) || across(one.box, x) - across(other.box, x));
  return candidates[0]?.line;
}

function around(boxes) {
  return {
    left: Math.min(...boxes.map(({ left }) => left)),
    right: Math.max(...boxes.map(({ right }) => right)),
    top: Math.min(...boxes.map(({ top }) => top)),
    bottom: Math.max(...boxes.map(({ bottom }) => bottom)),
  };
}

// How far a point is from a box, to its left or right, and above or below it.
function across({ left, right }, x) {
  return Math.max(left - x, 0, x - right);
}

function down({ top, bottom }, y) {
  return Math.max(top - y, 0, y - bottom);
}

// The place in the text of a line that is nearest to a point: a node, and an offset in it.
function caretIn(line, x, y) {
  const { left, right, top, bottom } = line.getBoundingClientRect();
  const [node, offset] = caretAt(clamp(x, left + 1, right - 1), clamp(y, top + 1, bottom - 1));
  if (line.contains(node)) return [node, offset];
  // Another line covers this one there, or the place is outside of the window.
  const text = line.firstChild;
  return [text, x + y < (left + right + top + bottom) / 2 ? 0 : text.length];
}

function caretAt(x, y) {
  const caret = document.caretPositionFromPoint?.(x, y);
  if (caret) return [caret.offsetNode, caret.offset];
  const range = document.caretRangeFromPoint?.(x, y); // Safari
  return [range?.startContainer ?? null, range?.startOffset ?? 0];
}

function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}
