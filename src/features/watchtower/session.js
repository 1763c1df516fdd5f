// Who is signed in. The tokens stand in this module and nowhere else: not in storage, not in a cookie, not in an address,
// where a script of somebody else's or the next user of the browser would find them.

let tokens = null;
let renewal = null;
let lost = () => {};

export class Refused extends Error {
  constructor(status, body) {
    super(body?.error ? `${body.error}. (${body.reference})` : `The service answered ${status}.`);
    this.status = status;
    this.code = body?.code;
  }
}

/** Called when the session is over, whatever ended it. */
export function whenLost(then) {
  lost = then;
}

export const token = () => tokens?.access_token;

async function send(method, path, body, withToken = true) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (withToken && tokens) headers.Authorization = `Bearer ${tokens.access_token}`;
  const options = { method, headers, cache: "no-store", credentials: "omit", redirect: "error" };
  if (body !== undefined) options.body = JSON.stringify(body);
  const answer = await fetch(path, options);
  const json = answer.headers.get("Content-Type") === "application/json" ? await answer.json() : null;
  if (!answer.ok) throw new Refused(answer.status, json);
  return json;
}

/** A request as whoever is signed in. A token that has just run out is renewed, once. */
export async function call(method, path, body) {
  try {
    return await send(method, path, body);
  } catch (problem) {
    if (problem.status !== 401 || !tokens) throw problem;
    await renew();
    return send(method, path, body);
  }
}

function keep(granted) {
  tokens = granted;
  clearTimeout(keep.timer);
  // Before it runs out, so that nothing has to wait for it.
  keep.timer = setTimeout(() => renew().catch(() => {}), granted.expires_in * 800);
}

export function forget() {
  tokens = null;
  clearTimeout(keep.timer);
}

/** The session is no use any more. */
export function end(why) {
  forget();
  lost(why);
}

/** The token of the second step, where there is one. */
export async function signIn(email, password) {
  const answer = await send("POST", "/v1/auth/login", { email, password }, false);
  if (answer.status === "mfa_required") return answer.mfa_token;
  keep(answer);
  return null;
}

export async function confirm(mfa_token, code) {
  keep(await send("POST", "/v1/auth/mfa", { mfa_token, code }, false));
}

/** One at a time, whoever asks: a refresh token is good for once. */
export function renew() {
  renewal ??= renewed().finally(() => { renewal = null; });
  return renewal;
}

async function renewed() {
  try {
    keep(await send("POST", "/v1/auth/refresh", { refresh_token: tokens?.refresh_token ?? "" }, false));
  } catch (problem) {
    // Without an answer the session may be as good as ever: whoever wanted this tries again.
    if (problem instanceof Refused && problem.status < 500 && problem.status !== 429) {
      end("Your session has ended. Sign in again.");
    }
    throw problem;
  }
}

export async function signOut() {
  try {
    if (tokens) await send("POST", "/v1/auth/logout", {});
  } finally {
    forget();
  }
}
