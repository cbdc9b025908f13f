// Marks what a search has found, on the image and in the list of lines. The browser draws the marks
// over the text (CSS Custom Highlight API), so that no element is made for them.

const ALL = "found";
const ACTIVE = "found-active";

export class HitMarks {
  #session;
  #layer;
  #list;

  // To be made after what draws the text layer and the list of lines.
  constructor(session, layer, list) {
    this.#session = session;
    this.#layer = layer;
    this.#list = list;
    if ("highlights" in CSS) session.on("content text search", () => this.#mark());
  }

  #mark() {
    const { selected, search } = this.#session;
    const hits = search.hits.get(selected) ?? [];
    const active = search.active?.page === selected ? hits[search.active.index] : null;
    const ranges = (found) => found.flatMap((hit) => this.#ranges(hit));
    CSS.highlights.set(ALL, new Highlight(...ranges(hits.filter((hit) => hit !== active))));
    CSS.highlights.set(ACTIVE, new Highlight(...(active ? ranges([active]) : [])));
  }

  #ranges({ line, start, end }) {
    const places = [this.#layer.children[line], this.#list.children[line]?.querySelector(".line-text")];
    return places
      .map((place) => place?.firstChild)
      .filter((text) => text?.nodeType === Node.TEXT_NODE && text.length >= end)
      .map((text) => new StaticRange({ startContainer: text, startOffset: start, endContainer: text, endOffset: end }));
  }
}
