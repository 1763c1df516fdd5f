// One event in full, and what can be done about the account that it names.

import { call } from "./session.js";
import { only } from "./trail.js";
import { badge, byId, clock, make, say, severityOf } from "./words.js";

let shown = null;

export function open(event) {
  shown = event;
  byId("detail-title").textContent = event.type;
  const details = Object.entries(event.details).flatMap(([name, value]) => fact(name, String(value)));
  byId("detail-facts").replaceChildren(
    ...fact("Severity", badge(severityOf(event.type))),
    ...fact("Time", clock(event.at), ` (${event.at})`),
    ...fact("Address", event.client_address ?? "none"),
    ...fact("Account", event.user_id ?? "none"),
    ...fact("Request", event.request_id ?? "none"),
    ...fact("Reference", event.reference ?? "none"),
    ...details,
    ...(event.reference ? fact("Why", copied(`drawbridge why ${event.reference}`)) : []));
  byId("detail-account").replaceChildren();
  say(byId("detail-said"), "");
  const { client_address, user_id } = event;
  byId("detail-buttons").replaceChildren(
    ...(client_address ? [button("Events of this address", () => narrow({ client_address }))] : []),
    ...(user_id ? [button("Events of this account", () => narrow({ user_id })), button("Look up the account", lookUp)] : []));
  byId("detail").showModal();
}

/** When nobody is signed in any more, nothing of what was shown stays. */
export function close() {
  for (const id of ["detail", "confirm"]) byId(id).close();
  for (const id of ["detail-title", "detail-facts", "detail-account", "detail-said", "detail-buttons", "confirm-title", "confirm-text"]) byId(id).replaceChildren();
  shown = null;
}

function fact(name, ...value) {
  return [make("dt", {}, name), make("dd", {}, ...value)];
}

const button = (text, onclick, kind = "") => make("button", { type: "button", class: kind, onclick }, text);

function copied(command) {
  const copy = button("Copy", async () => {
    // It fails where the page does not come over TLS or from this machine.
    const done = await navigator.clipboard?.writeText(command).then(() => true, () => false);
    say(byId("detail-said"), done ? "Copied." : "Mark it and copy it by hand.");
  });
  copy.setAttribute("aria-label", "Copy the command");
  const all = make("code", {}, command);
  const line = document.createDocumentFragment();
  line.append(all, " ", copy);
  return line;
}

function narrow(filter) {
  byId("detail").close();
  only({ client_address: "", user_id: "", type: "", severity: "", ...filter });
}

const pathOf = (event) => `/v1/admin/users/${event.user_id}`;

async function lookUp() {
  const event = shown;
  try {
    const user = await call("GET", pathOf(event));
    if (event === shown) account(event, user);
  } catch (problem) {
    if (event === shown) say(byId("detail-said"), problem.status === 404 ? "There is no such account any more." : problem.message);
  }
}

function account(event, user) {
  const facts = make("dl", { class: "facts" },
    ...fact("Name", user.name), ...fact("E-mail", user.email), ...fact("Role", user.role), ...fact("Status", user.status),
    ...fact("Second factor", user.mfa_enabled ? "on" : "off"), ...fact("Made", clock(user.created_at)));
  const actions = make("div", { class: "buttons" });
  // The service refuses this for administrators; offering it would only promise too much.
  if (user.role === "admin") actions.append(make("p", { class: "quiet" }, "An administrator: only the command line changes it."));
  else {
    actions.append(button("End all sessions", () => act(event,
      `End all sessions of ${user.email}?`, "Every device is signed out within a second. The password stays as it is.", "End all sessions",
      () => call("POST", `${pathOf(event)}/revoke-sessions`, {}), "All sessions have been ended."), "danger"));
    const suspended = user.status === "suspended";
    actions.append(button(suspended ? "Let in again" : "Suspend", () => act(event,
      `${suspended ? "Let in" : "Suspend"} ${user.email}?`, suspended ? "The account can sign in again." : "Nobody can sign in to it until it is let in again.",
      suspended ? "Let in" : "Suspend",
      () => call("PATCH", pathOf(event), { status: suspended ? "active" : "suspended" }), suspended ? "The account is active." : "The account is suspended."), "danger"));
  }
  byId("detail-account").replaceChildren(make("h3", {}, "Account"), facts, actions);
  actions.querySelector("button")?.focus();
}

async function act(event, title, text, yes, doing, done) {
  if (!await agreed(title, text, yes)) return;
  try {
    await doing();
    if (event !== shown) return;
    await lookUp();
    say(byId("detail-said"), done);
  } catch (problem) {
    if (event === shown) say(byId("detail-said"), problem.message);
  }
}

/** A second dialog on top: the browser keeps the focus in it and gives it back. */
function agreed(title, text, yes) {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = text;
  byId("confirm-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
