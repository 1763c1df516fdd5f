// The last hours in numbers: the chart, and who was refused most.

import { clear, draw } from "./chart.js";
import { call } from "./session.js";
import { only } from "./trail.js";
import { byId, clock, make, number, short } from "./words.js";

/** How soon after an event the numbers are asked for again, and how often when nothing happens. Counting a week of a flood
 * takes the database seconds: the longer it took, the longer we wait. */
const SOON = 2_000;
const REGULARLY = 60_000;

let timer = null;
let due = 0;
let soon = SOON;
let on = false;

export function start() {
  on = true;
  byId("hours").onchange = () => look();
  return look();
}

export function stop() {
  on = false;
  clearTimeout(timer);
  clear();
  byId("numbers").replaceChildren();
}

/** Something has happened: the numbers are no longer true. */
export function stale() {
  if (on && due > Date.now() + soon) plan(soon);
}

function plan(wait) {
  clearTimeout(timer);
  due = Date.now() + wait;
  timer = setTimeout(look, wait);
}

async function look() {
  plan(REGULARLY);
  const begun = Date.now();
  try {
    const summary = await call("GET", `/v1/admin/security-summary?hours=${byId("hours").value}`);
    soon = Math.max(SOON, 10 * (Date.now() - begun));
    if (on) show(summary);
  } catch {
    // The stream shows whether the service is there; what is drawn stays, and is asked for again.
  }
}

function show(summary) {
  draw(summary);
  byId("numbers").replaceChildren(
    ...fact("Open sessions", number(summary.open_sessions)),
    ...fact("In the log alone", number(summary.sampled)));
  fill("addresses", summary.addresses, ({ client_address }) => [client_address, client_address, { client_address }]);
  fill("users", summary.users, ({ user_id }) => [short(user_id), user_id, { user_id }]);
}

function fact(name, value) {
  return [make("dt", {}, name), make("dd", {}, value)];
}

function fill(table, items, told) {
  const rows = items.map((item) => {
    const [text, whole, filter] = told(item);
    const show = () => only({ client_address: "", user_id: "", type: "", severity: "", ...filter });
    const button = make("button", { type: "button", class: "plain", title: `Show the events of ${whole}`, onclick: show }, text);
    return make("tr", {}, make("th", { scope: "row" }, button), make("td", { class: "count" }, number(item.count)), make("td", {}, clock(item.last_at)));
  });
  if (rows.length === 0) rows.push(make("tr", {}, make("td", { colspan: "3", class: "quiet" }, "Nobody.")));
  byId(table).tBodies[0].replaceChildren(...rows);
}
