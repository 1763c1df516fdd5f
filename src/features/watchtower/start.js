// From the door to the tower and back: who is signed in, and what runs while somebody is.

import * as detail from "./detail.js";
import * as numbers from "./numbers.js";
import * as session from "./session.js";
import * as stream from "./stream.js";
import * as trail from "./trail.js";
import { badge, byId, clock, make, say, severityOf, told } from "./words.js";

/** Alarms that stay on top. */
const PINNED = 5;
const STATES = { connecting: "Connecting", live: "Live", cut: "Cut off, trying again" };
let pinned = [];
let challenge = null;

byId("sign-in").onsubmit = (event) => attempt(event, async ({ email, password }) => {
  challenge = await session.signIn(email.value, password.value);
  password.value = "";
  if (!challenge) return enter();
  step("second", "code");
});

byId("second").onsubmit = (event) => attempt(event, async ({ code }) => {
  await session.confirm(challenge, code.value.trim());
  challenge = code.value = "";
  await enter();
});

byId("second-back").onclick = () => { challenge = null; step("sign-in", "email"); };
byId("sign-out").onclick = async () => {
  leave("You have signed out.");
  await session.signOut().catch(() => {});
};
byId("alarms-all").onclick = () => trail.only({ severity: "alarm", type: "", client_address: "", user_id: "" });
session.whenLost(leave);
// A page that comes back from the browser's memory would still hold what the last user saw.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

async function attempt(event, doing) {
  event.preventDefault();
  const button = event.submitter ?? event.target.querySelector("button");
  button.disabled = true;
  say(byId("door-problem"), "");
  try {
    await doing(event.target.elements);
  } catch (problem) {
    say(byId("door-problem"), problem.message);
  }
  button.disabled = false;
}

/** Which of the two forms is at the door. */
function step(form, focus) {
  for (const id of ["sign-in", "second"]) byId(id).hidden = id !== form;
  byId(focus).focus();
}

async function enter() {
  const me = await session.call("GET", "/v1/users/me");
  if (me.role !== "admin") {
    await session.signOut().catch(() => {});
    step("sign-in", "email");
    throw new Error("This page is for administrators, and this account is none. You have been signed out again.");
  }
  byId("door").hidden = true;
  byId("tower").hidden = false;
  byId("sign-out").hidden = false;
  say(byId("who"), me.email);
  byId("main").focus();
  pinned = [];
  pin();
  // The stream first: what happens while the list is on its way is then in one of them or in both.
  stream.follow({ event: happened, gap: missed, state: connection });
  await Promise.all([trail.start(detail.open), numbers.start(), alarms()]);
}

function leave(why) {
  stream.stop();
  numbers.stop();
  detail.close();
  pinned = [];
  for (const id of ["tower", "sign-out", "who", "state"]) byId(id).hidden = true;
  for (const body of document.querySelectorAll("#tower tbody, #alarms-list")) body.replaceChildren();
  byId("who").textContent = byId("announce").textContent = "";
  byId("door").hidden = false;
  step("sign-in", "email");
  say(byId("door-problem"), why);
}

function connection(state) {
  byId("state").hidden = false;
  byId("state").dataset.is = state;
  byId("state-text").textContent = STATES[state];
}

function happened(event) {
  trail.add(event);
  numbers.stale();
  if (severityOf(event.type) !== "alarm") return;
  pinned = [event, ...pinned];
  pin();
  byId("announce").textContent = `Alarm: ${event.type} ${event.client_address ? `from ${event.client_address}` : ""}`;
}

/** The stream has left some out; the list has them. */
function missed() {
  trail.only({});
  numbers.stale();
}

async function alarms() {
  const since = new Date(Date.now() - 86_400_000).toISOString();
  const { items } = await session.call("GET", `/v1/admin/security-events?severity=alarm&limit=50&since=${since}`);
  const known = new Set(pinned.map(({ id }) => id));
  pinned = [...pinned, ...items.filter(({ id }) => !known.has(id))];
  pin();
}

function pin() {
  byId("alarms-none").hidden = pinned.length > 0;
  byId("alarms").classList.toggle("some", pinned.length > 0);
  byId("alarms-all").hidden = pinned.length <= PINNED;
  byId("alarms-list").replaceChildren(...pinned.slice(0, PINNED).map((event) => make("li", {},
    badge("alarm"), " ", clock(event.at), " ",
    make("button", { type: "button", class: "plain", "aria-haspopup": "dialog", onclick: () => detail.open(event) }, event.type), " ",
    make("span", { class: "quiet" }, [event.client_address, told(event.details)].filter(Boolean).join(" · ")))));
}

step("sign-in", "email");
