// A run: it is begun by one request, and asked for until it is over. Each question waits a second for its answer.

export async function ask(method, path, body) {
  const options = { method, headers: { Accept: "application/json" }, cache: "no-store", credentials: "omit", redirect: "error" };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The lab does not answer: is it still running?");
  }
  const json = answer.headers.get("Content-Type") === "application/json" ? await answer.json() : null;
  if (!answer.ok) throw new Error(json?.error ? `${json.error}. (${json.reference})` : `The lab answered ${answer.status}.`);
  return json;
}

export async function run(id, told) {
  const { number } = await ask("POST", "/lab/run", { case: id });
  for (;;) {
    const so_far = await ask("GET", "/lab/run");
    if (so_far.number !== number) throw new Error("Another page has begun another run.");
    if (!so_far.going_on) {
      if (so_far.trouble) throw new Error(`${so_far.trouble}.`);
      return so_far;
    }
    told(so_far);
  }
}
