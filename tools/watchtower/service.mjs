// The service under test: in a folder of its own, on a port of its own, with a database of its own.

import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const SETTINGS = {
  RUST_LOG: "info",
  // Attackers say who they are, as a proxy would; the browser is this machine.
  TRUSTED_PROXIES: "127.0.0.0/8",
  // The attacks are to be seen, not to be stopped half-way. What is to be stopped is so by a limit of its own.
  RATE_LIMIT_FLOOD: "token-bucket 1000/1s burst 5000",
};

export class Service {
  /** What follows the program is its command: without one it serves. */
  constructor(program, ...command) {
    this.program = program;
    this.words = command;
    this.folder = mkdtempSync(join(tmpdir(), "drawbridge-watchtower-"));
    this.environment = { PATH: process.env.PATH, HOME: process.env.HOME, LISTEN_ADDR: "127.0.0.1:0", ...SETTINGS };
  }

  async start() {
    const log = join(this.folder, `out.${Date.now()}.log`);
    const out = openSync(log, "w");
    this.process = spawn(this.program, this.words, { cwd: this.folder, env: this.environment, stdio: ["ignore", out, out] });
    this.exited = new Promise((resolve) => this.process.once("exit", resolve));
    for (let tries = 0; tries < 600; tries += 1) {
      const ready = /"message":"ready","address":"([^"]*)"/.exec(readFileSync(log, "utf8"));
      if (ready) {
        this.url = ready[1];
        // Once more on the same port, after a stop.
        this.environment.LISTEN_ADDR = new URL(this.url).host;
        return this;
      }
      if (this.process.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`the service did not start:\n${readFileSync(log, "utf8")}`);
  }

  async stop() {
    this.process.kill("SIGTERM");
    await this.exited;
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** One of the service's commands, beside it. */
  async command(...words) {
    const { stdout } = await promisify(execFile)(this.program, words, { cwd: this.folder, env: this.environment });
    return stdout;
  }

  async account(name, role) {
    const email = `${name}@example.org`;
    const said = await this.command("user", "create", "--email", email, "--name", name, "--role", role, "--generate-password");
    return { email, password: said.trim().split(/\s+/).at(-1) };
  }

  async ask(method, path, { body, raw, token, address, headers = {} } = {}) {
    const sent = { ...headers };
    if (token) sent.Authorization = `Bearer ${token}`;
    if (address) sent["X-Forwarded-For"] = address;
    if (body !== undefined || raw !== undefined) sent["Content-Type"] = "application/json";
    const answer = await fetch(this.url + path, { method, headers: sent, body: raw ?? (body && JSON.stringify(body)) });
    const text = await answer.text();
    return { status: answer.status, json: text.startsWith("{") ? JSON.parse(text) : null };
  }

  async signIn({ email, password }, address) {
    const { status, json } = await this.ask("POST", "/v1/auth/login", { body: { email, password }, address });
    if (status !== 200) throw new Error(`no sign-in for ${email}: ${status}`);
    return json;
  }
}
