// The table of events: what was, from the list, and what is, from the stream; by the filters that are set.

import { call } from "./session.js";
import { TYPES, badge, broken, byId, clock, make, number, say, severityOf, short, told } from "./words.js";

/** Rows that are kept. Older ones are a click away. */
const MOST = 500;
const PAGE = 100;

let filters = {};
let hours = 24;
let next = null;
let paused = false;
/** Counts the loads, so that an answer that a newer one has overtaken is thrown away. */
let load = 0;
/** What came while it was paused, and what waits for the next frame. */
let waiting = [];
let scheduled = false;
let open = () => {};
const rows = new Map();

export function start(onOpen) {
  open = onOpen;
  const types = byId("f-type");
  if (types.options.length === 1) types.append(...TYPES.map((type) => make("option", { value: type }, type)));
  byId("filters").onsubmit = (event) => { event.preventDefault(); chosen(); };
  byId("filters").onreset = () => setTimeout(chosen);
  for (const name of ["f-severity", "f-type", "f-since"]) byId(name).onchange = chosen;
  byId("older").onclick = older;
  byId("pause").onclick = () => setPaused(!paused);
  setPaused(false);
  return show({});
}

/** Sets some filters and leaves the others; used by whoever offers one click. */
export function only(wanted) {
  const form = byId("filters");
  for (const [name, value] of Object.entries(wanted)) form.elements[name].value = value;
  byId("events-title").scrollIntoView({ block: "start" });
  return chosen();
}

function chosen() {
  const { severity, type, client_address, user_id, hours: span } = byId("filters").elements;
  hours = Number(span.value);
  const entries = { severity: severity.value, type: type.value, client_address: client_address.value.trim(), user_id: user_id.value.trim() };
  return show(Object.fromEntries(Object.entries(entries).filter(([, value]) => value)));
}

async function show(wanted) {
  filters = wanted;
  [next, waiting] = [null, []];
  rows.clear();
  byId("events").tBodies[0].replaceChildren();
  await fetchPage();
}

async function older() {
  const last = byId("events").tBodies[0].lastElementChild;
  await fetchPage();
  last?.nextElementSibling?.querySelector("button")?.focus();
}

async function fetchPage() {
  const mine = ++load;
  const since = new Date(Date.now() - hours * 3_600_000).toISOString();
  const query = new URLSearchParams({ ...filters, limit: PAGE, ...(next ? { cursor: next, since: fetchPage.since } : { since }) });
  if (!next) fetchPage.since = since;
  byId("older").disabled = true;
  try {
    const page = await call("GET", `/v1/admin/security-events?${query}`);
    if (mine !== load) return;
    next = page.next_cursor;
    say(byId("events-problem"), "");
    for (const event of page.items) put(event, false);
  } catch (problem) {
    if (mine === load) say(byId("events-problem"), problem.message);
  }
  byId("older").disabled = false;
  byId("older").hidden = !next;
  note();
}

/** Of the stream. Many may come at once, so they are put into the table once a frame. */
export function add(event) {
  // What the list has brought already comes from the stream once more.
  if (!fits(event) || rows.has(event.id)) return;
  waiting.push(event);
  if (waiting.length > MOST) waiting.shift();
  if (paused) note();
  else if (!scheduled) {
    scheduled = true;
    requestAnimationFrame(flush);
  }
}

function fits(event) {
  const { severity, type, client_address, user_id } = filters;
  return (!severity || severityOf(event.type) === severity) && (!type || event.type === type)
    && (!client_address || event.client_address === client_address) && (!user_id || event.user_id === user_id);
}

function flush() {
  scheduled = false;
  if (paused) return;
  for (const event of waiting) put(event, true);
  waiting = [];
  note();
}

function setPaused(wanted) {
  paused = wanted;
  byId("pause").setAttribute("aria-pressed", String(paused));
  byId("pause").textContent = paused ? "Go on" : "Pause";
  if (!paused) flush();
  note();
}

/** Ids are made from the time: the greater is the newer. Rows that stand already stay what they are, and where the focus is. */
function put(event, live) {
  if (rows.has(event.id)) return;
  const body = byId("events").tBodies[0];
  const row = rowOf(event, live);
  rows.set(event.id, row);
  let after = live ? body.firstElementChild : null;
  while (after && after.dataset.id > event.id) after = after.nextElementSibling;
  body.insertBefore(row, after);
  while (live && rows.size > MOST) {
    const oldest = body.lastElementChild;
    rows.delete(oldest.dataset.id);
    oldest.remove();
  }
}

function rowOf(event, live) {
  const severity = severityOf(event.type);
  const row = make("tr", { class: live ? `${severity} new` : severity, "data-id": event.id },
    make("td", { class: "at" }, clock(event.at)),
    make("td", {}, badge(severity)),
    make("td", { class: "what" },
      make("button", { type: "button", class: "plain", "aria-haspopup": "dialog", onclick: () => open(event) }, ...broken(event.type)),
      make("span", { class: "quiet" }, told(event.details))),
    make("td", { class: "more" }, event.client_address ?? "–"),
    make("td", { class: "more", title: event.user_id }, event.user_id ? short(event.user_id) : "–"));
  return row;
}

function note() {
  const shown = `${number(rows.size)} shown${next ? ", there are more" : ""}`;
  byId("events-note").textContent = paused ? `Paused. ${shown}, ${number(waiting.length)} new.` : `${shown}.`;
}
