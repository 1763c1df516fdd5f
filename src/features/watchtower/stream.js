// Events as they happen. By fetch, because EventSource can send no Authorization, and a token in the address would stand in
// every log on the way.

import { end, renew, token } from "./session.js";

const PATH = "/v1/admin/security-events/stream";
/** The service says something every ten seconds; a connection that does not is dead, whatever the browser believes. */
const SILENCE = 25_000;
const LONGEST_WAIT = 30_000;

let lastId = "";
let stopping = null;

/** Follows until it is stopped. `on` has `event`, `gap`, and `state` with one of connecting, live, cut. */
export function follow(on) {
  stop();
  stopping = new AbortController();
  lastId = "";
  run(on, stopping.signal);
}

export function stop() {
  stopping?.abort();
  stopping = null;
}

async function run(on, signal) {
  let wait = 0;
  while (!signal.aborted) {
    on.state("connecting");
    let heard = false;
    const opened = () => { heard = true; on.state("live"); };
    let asked = 0;
    try {
      asked = await once(on, signal, opened);
    } catch {
      // Cut, or not reached: the same for whoever watches.
    }
    if (signal.aborted) return;
    // An end in good order is a token that ran out, or a service that restarts: try at once, then slower and slower.
    wait = heard ? 0 : Math.min(LONGEST_WAIT, (wait || 500) * 2);
    on.state("cut");
    await pause(Math.max(asked, wait) + Math.random() * 500, signal);
  }
}

/** One connection, to its end. Resolves to how long the service wants us to wait. */
async function once(on, signal, opened) {
  const connection = new AbortController();
  const cut = () => connection.abort();
  signal.addEventListener("abort", cut, { once: true });
  let watchdog = setTimeout(cut, SILENCE);
  try {
    const headers = { Accept: "text/event-stream", Authorization: `Bearer ${token() ?? ""}` };
    if (lastId) headers["Last-Event-ID"] = lastId;
    const answer = await fetch(PATH, { headers, cache: "no-store", credentials: "omit", signal: connection.signal });
    if (answer.status === 401) {
      await renew();
      return 0;
    }
    // The session lives, and is no administrator's any more.
    if (answer.status === 403) end("Your account may no longer watch.");
    if (!answer.ok) return 1000 * Number(answer.headers.get("Retry-After") ?? 5);
    opened();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return 0;
      clearTimeout(watchdog);
      watchdog = setTimeout(cut, SILENCE);
      const blocks = (text + value).split("\n\n");
      text = blocks.pop();
      for (const block of blocks) read(block, on);
    }
  } finally {
    clearTimeout(watchdog);
    signal.removeEventListener("abort", cut);
  }
}

/** One block of lines. The id counts even where there is no event: it says how far we are. */
function read(block, on) {
  // Names from the wire are no properties of anything else.
  const fields = Object.create(null);
  for (const line of block.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
  }
  if (fields.id) lastId = fields.id;
  if (!fields.data) return;
  const data = JSON.parse(fields.data);
  if (fields.event === "gap") on.gap(data.missed);
  else on.event(data);
}

function pause(time, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, time);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
