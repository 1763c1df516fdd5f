// The two columns: what came of the attack, each request with its answer and its line in the log, and the code that
// decided it.

import { byId, code, make, wire } from "./words.js";

const SIDES = {
  with: { heading: "With the pillar", about: "The code that stops it", of: "defence" },
  without: { heading: "Without it", about: "The code in its place", of: "careless" },
};
const STAGES = { waiting: "Waits for the other", starting: "Is being started …", attacking: "Is being attacked …", done: "Done" };
/** What differs from answer to answer, whatever is asked. */
const CHANGING = /^(x-request-id|date|etag|content-length|x-ratelimit-|ratelimit)/i;

let shown;

/** Before a run: the code alone. */
export function showCode(lesson) {
  shown = lesson;
  for (const side of Object.keys(SIDES)) fill(side, [make("p", { class: "quiet" }, "Not attacked yet.")], []);
}

export function showProgress(run) {
  for (const side of Object.keys(SIDES)) {
    fill(side, [make("p", { class: "stage" }, STAGES[run[side].stage])], []);
  }
}

export function showResult(run) {
  for (const [side, other] of [["with", "without"], ["without", "with"]]) {
    fill(side, verdict(side, run[side].side), exchanges(run[side].side, run[other].side));
  }
}

function fill(side, outcome, requests) {
  const { heading, about, of } = SIDES[side];
  const { file, text } = shown[of];
  byId(side).replaceChildren(
    make("h3", { id: `${side}-title` }, heading),
    make("div", { class: "outcome" }, ...outcome),
    make("div", { class: "requests" }, ...requests),
    make("div", { class: "source" }, make("h4", {}, about), make("p", { class: "file" }, file), code(text)),
  );
}

/** What a verdict means on each side: a hole is what a student wants to see on the right, and nobody on the left. */
const MEANS = {
  with: {
    held: "The attack was refused, and its genuine twin worked.",
    hole: "The attack succeeded although nothing is left out. That is a fault of the service: please report it.",
  },
  without: {
    held: "The attack was refused all the same: something else stops this one. Try another attack of the list.",
    hole: "The attack succeeded.",
  },
};

function verdict(side, { verdict: word, reason, expected, took_ms }) {
  const sign = { held: "✓", hole: "✗" }[word] ?? "–";
  const made = [make("p", { class: `verdict ${word}` },
    make("span", { class: "sign", "aria-hidden": "true" }, sign), ` ${word[0].toUpperCase()}${word.slice(1)} `,
    make("span", { class: "took" }, took_ms < 1000 ? `${took_ms} ms` : `${(took_ms / 1000).toFixed(1)} s`))];
  made.push(make("p", {}, MEANS[side][word] ?? "It says nothing about the service:"));
  if (reason) made.push(make("p", { class: "reason" }, `Seen: ${brief(reason)}`));
  if (expected) made.push(make("p", { class: "quiet" }, `A service that is safe: ${expected}`));
  return made;
}

/** What is longer repeats the answers, which stand below. */
const brief = (text) => text.length > 240 ? `${text.slice(0, 239)}…` : text;

/** Open is where the two part, or else the last: there a case says what it is about. */
function exchanges(side, other) {
  const parted = side.exchanges.findIndex((one, at) => status(one.answer) !== status(other.exchanges[at]?.answer ?? ""));
  const open = parted === -1 ? side.exchanges.length - 1 : parted;
  if (!side.exchanges.length) return [];
  return [
    make("h4", {}, `Requests and answers (${side.exchanges.length})`),
    ...side.exchanges.map((one, at) => exchange(one, other.exchanges[at], at + 1, at === open)),
  ];
}

const status = (answer) => /^(?:HTTP\/\S+ )?(\d{3})/.exec(answer)?.[1] ?? "";

function exchange({ note, request, answer, log }, other, number, open) {
  const code = status(answer);
  const asked = request.split("\n", 1)[0].replace(/ HTTP\/\S+$/, "");
  const summary = make("summary", {},
    make("span", { class: "number" }, `${number}`), " ",
    make("span", { class: "asked" }, asked, note ? make("span", { class: "note" }, note) : ""), " ",
    make("span", { class: `status s${code[0] ?? "0"}` }, code || "no answer"));
  const parts = [part("Request", request), ...answered(answer, other?.answer ?? "")];
  return make("details", { class: "exchange", open }, summary, ...parts, make("h5", {}, "In the log"), ...lines(log, code));
}

const part = (name, text) => make("div", {}, make("h5", {}, name), wire(text));

/** Headers that the other service answered too stand back, so that what differs is seen. */
function answered(answer, other) {
  const [head, ...body] = answer.split("\n\n");
  const [first, ...headers] = head.split("\n");
  const same = new Set(other.split("\n\n")[0].split("\n"));
  const usual = (header) => same.has(header) || CHANGING.test(header);
  const made = [part("Answer", [first, ...headers.filter((header) => !usual(header)), "", readable(body.join("\n\n"))].join("\n").trim())];
  const folded = headers.filter(usual);
  if (folded.length) {
    made.push(make("details", { class: "usual" }, make("summary", {}, `${folded.length} more headers, as of the other service`), wire(folded.join("\n"))));
  }
  return made;
}

/** JSON with a member a line. Anything else, and what was cut, as it came. */
function readable(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

/** What stands first in a line of the log. The rest follows as it comes. */
const FIRST = ["level", "message", "event", "cause", "code", "reference"];

function lines(log, answered) {
  const why = answered ? "this answer was not made by the service itself" : "a request that never arrived whole, or was not HTTP";
  if (!log.length) return [make("p", { class: "quiet" }, `Nothing: ${why}.`)];
  return log.map((line) => {
    const rest = Object.keys(line).filter((name) => !FIRST.includes(name));
    const names = [...FIRST.filter((name) => name in line), ...rest];
    return make("dl", { class: "log" }, ...names.map((name) => make("div", { class: FIRST.includes(name) ? "first" : "" },
      make("dt", {}, name), make("dd", {}, value(line[name])))));
  });
}

/** Nobody reads a duration to the femtosecond. */
const value = (it) => typeof it === "string" ? it : JSON.stringify(typeof it === "number" ? Number(it.toFixed(3)) : it);
