// Lists the lines of text of a page, in the order of the DOM, with their boxes in CSS pixels.
//
// Every element with data-block is a block of text. data-row: its rows are read from left to right.
// data-clip: what overflows this element is not shown.
() => {
  const HALF = 0.55; // of the font size: from the middle of a line to the edge of its box
  const GAP = 2.5; // of the font size: a wider gap ends a line
  const range = document.createRange();
  const blocks = [];
  const lines = [];
  const rows = [...document.querySelectorAll("[data-row]")];
  const tables = [...document.querySelectorAll("table")];
  const indexIn = (list, element) => (element ? list.indexOf(element) : null);

  const place = (rect, vertical) =>
    vertical
      ? { middle: (rect.left + rect.right) / 2, start: rect.top, end: rect.bottom }
      : { middle: (rect.top + rect.bottom) / 2, start: rect.left, end: rect.right };

  const continues = (line, at, size) =>
    line !== null &&
    Math.abs(at.middle - line.middle) < 0.5 * Math.max(size, line.size) &&
    at.start > line.reach - 0.5 * size &&
    at.start < line.reach + GAP * size;

  const boxOf = (line, vertical) => {
    const near = line.middle - HALF * line.size;
    const far = line.middle + HALF * line.size;
    return vertical ? [near, line.start, far, line.end] : [line.start, near, line.end, far];
  };

  const isShown = ([left, top, right, bottom], clip) =>
    !clip ||
    (left > clip.left - 4 && right < clip.right + 4 && top > clip.top - 4 && bottom < clip.bottom + 4);

  const linesOf = (block, vertical) => {
    const found = [];
    let line = null;
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const size = parseFloat(getComputedStyle(node.parentElement).fontSize);
      let at = 0;
      for (const character of node.data) {
        range.setStart(node, at);
        range.setEnd(node, at + character.length);
        at += character.length;
        const rect = [...range.getClientRects()].filter((r) => r.width > 0 && r.height > 0).at(-1);
        if (/\s/.test(character)) {
          if (line && (!line.text.endsWith(" "))) line.text += " ";
          if (rect && line) {
            const space = place(rect, vertical);
            if (continues(line, space, size)) line.reach = space.end;
          }
          continue;
        }
        if (!rect) continue;
        const here = place(rect, vertical);
        if (!continues(line, here, size)) {
          line = { text: "", size: 0, start: here.start };
          found.push(line);
        }
        if (size > line.size) Object.assign(line, { size, middle: here.middle });
        Object.assign(line, { end: here.end, reach: here.end });
        line.text += character;
      }
    }
    return found;
  };

  for (const block of document.querySelectorAll("[data-block]")) {
    const vertical = getComputedStyle(block).writingMode.startsWith("vertical");
    const clip = block.closest("[data-clip]")?.getBoundingClientRect();
    const shown = linesOf(block, vertical)
      .map((line) => ({ text: line.text.trim(), box: boxOf(line, vertical) }))
      .filter((line) => isShown(line.box, clip));
    if (shown.length === 0) continue;
    for (const line of shown) lines.push({ ...line, block: blocks.length });
    blocks.push({
      type: block.dataset.block,
      row: indexIn(rows, block.closest("[data-row]")),
      table: indexIn(tables, block.closest("table")),
      vertical,
    });
  }

  const cellsOf = (table) => {
    const taken = new Set();
    const cells = [];
    [...table.rows].forEach((row, y) => {
      let x = 0;
      for (const cell of row.cells) {
        while (taken.has(`${y} ${x}`)) x += 1;
        for (let down = 0; down < cell.rowSpan; down += 1)
          for (let across = 0; across < cell.colSpan; across += 1)
            taken.add(`${y + down} ${x + across}`);
        const text = cell.textContent.trim();
        cells.push({ row: y, column: x, row_span: cell.rowSpan, column_span: cell.colSpan, text });
      }
    });
    return cells;
  };

  const rules = [];
  for (const element of document.querySelectorAll("body *")) {
    const style = getComputedStyle(element);
    const clip = element.closest("[data-clip]")?.getBoundingClientRect();
    const has = (side) => parseFloat(style[`border${side}Width`]) > 0 && style[`border${side}Style`] !== "none";
    for (const { left, top, right, bottom } of element.getClientRects()) {
      if (!isShown([left, top, right, bottom], clip)) continue;
      if (has("Top")) rules.push([left, top, right, top]);
      if (has("Bottom")) rules.push([left, bottom, right, bottom]);
      if (has("Left")) rules.push([left, top, left, bottom]);
      if (has("Right")) rules.push([right, top, right, bottom]);
    }
  }

  const height = Math.ceil(document.body.getBoundingClientRect().bottom);
  return { height, blocks, lines, tables: tables.map(cellsOf), rules };
}
