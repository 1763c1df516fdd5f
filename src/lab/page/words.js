// How things are written on the page. Every text is set as text: what a service answered may be what an attacker sent.

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children; children are elements or text. */
export function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

export function say(place, text) {
  place.textContent = text;
  place.hidden = !text;
}

/** Prose in which `this` is code. */
export const prose = (text) => text.split("`").map((piece, at) => at % 2 ? make("code", {}, piece) : piece);

/** Lines that wrap under themselves, so that the indentation stays readable; comments stand back. */
export function code(text) {
  return make("pre", { class: "code" }, make("code", {}, ...text.split("\n").map((one) => {
    const [, before, comment] = /^(.*?)((?:^|\s)\/\/.*)?$/.exec(one);
    return line(one, ...breakable(before), comment ? make("span", { class: "comment" }, comment) : "");
  })));
}

/** What went over the wire. */
export const wire = (text) => make("pre", { class: "wire" }, ...text.split("\n").map((one) => line(one, ...breakable(one))));

/** A long line may go on before a method, after a bracket, and between two members of JSON. */
function breakable(text) {
  const pieces = text.split(/(?=\.\w+\()|(?<=\w[([{])|(?<=,)(?=")/);
  return pieces.flatMap((piece, at) => at ? [make("wbr"), piece] : [piece]);
}

function line(text, ...parts) {
  const made = make("span", { class: "line" }, ...parts, "\n");
  made.style.setProperty("--in", String(text.length - text.trimStart().length + 2));
  return made;
}
