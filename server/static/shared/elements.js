// Creates HTML and SVG elements. Strings become text nodes, never HTML.

const SVG = "http://www.w3.org/2000/svg";

export function element(tag, attributes = {}, ...children) {
  return populate(document.createElement(tag), attributes, children);
}

export function svgElement(tag, attributes = {}, ...children) {
  return populate(document.createElementNS(SVG, tag), attributes, children);
}

// Function values become event listeners; attributes that are false or null are omitted.
function populate(target, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") target.addEventListener(name, value);
    else if (value === true) target.setAttribute(name, "");
    else if (value !== false && value !== null) target.setAttribute(name, value);
  }
  target.append(...children.filter((child) => child !== null));
  return target;
}

// Moves a class from one child to another; an index outside of the children is none of them.
export function moveClass(children, name, from, to) {
  children[from]?.classList.remove(name);
  children[to]?.classList.add(name);
}
