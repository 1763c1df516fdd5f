// What attackers try, as the tutorials have it. Each says which kinds of event it must cause, and from where it comes.

const TRY = "not the password of anybody at all";

/** `people` holds somebody to attack, somebody who attacks from inside, and an administrator. */
export const ATTACKS = [
  {
    name: "failed logins",
    address: "203.0.113.10",
    kinds: ["authn_login_fail"],
    async run(service, { victim }) {
      for (let tries = 0; tries < 6; tries += 1) {
        await service.ask("POST", "/v1/auth/login", { body: { email: victim.email, password: TRY }, address: this.address });
      }
    },
  },
  {
    name: "a stolen refresh token",
    address: "203.0.113.20",
    kinds: ["authn_token_reuse"],
    async run(service, { victim }) {
      const { refresh_token } = await service.signIn(victim, "198.51.100.20");
      await service.ask("POST", "/v1/auth/refresh", { body: { refresh_token }, address: "198.51.100.20" });
      // Past the grace that two tabs have.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await service.ask("POST", "/v1/auth/refresh", { body: { refresh_token }, address: this.address });
    },
  },
  {
    name: "a privilege change",
    kinds: ["authz_change"],
    async run(service, { insider }) {
      await service.command("user", "set-role", "--email", insider.email, "--role", "editor");
    },
  },
  {
    name: "a privilege change at night",
    address: "203.0.113.25",
    kinds: ["anomaly_privilege_change"],
    async run(service, { colleague, insider }) {
      const { access_token: token } = await service.signIn(colleague, this.address);
      const found = await service.ask("GET", `/v1/admin/users?email=${insider.email}`, { token, address: this.address });
      const path = `/v1/admin/users/${found.json.items[0].id}`;
      await service.ask("PATCH", path, { token, address: this.address, body: { role: "user" } });
    },
  },
  {
    name: "doors of others",
    address: "203.0.113.30",
    kinds: ["authz_fail"],
    async run(service, { insider }) {
      const { access_token: token } = await service.signIn(insider, this.address);
      for (const path of ["/v1/admin/users", "/v1/admin/security-events", "/v1/admin/security-summary"]) {
        await service.ask("GET", path, { token, address: this.address });
      }
    },
  },
  {
    name: "more than the limit",
    address: "203.0.113.40",
    kinds: ["excess_rate_limit_exceeded"],
    async run(service) {
      for (let tries = 0; tries < 14; tries += 1) {
        const body = { email: `guess-${tries}@example.org`, password: TRY };
        await service.ask("POST", "/v1/auth/login", { body, address: this.address });
      }
    },
  },
  {
    name: "malformed input",
    address: "203.0.113.50",
    kinds: ["input_validation_fail"],
    async run(service) {
      for (const raw of ["{", "[]", '{"email":"a","email":"b"}', '{"email":"' + "x".repeat(300) + '","password":"y"}']) {
        await service.ask("POST", "/v1/auth/login", { raw, address: this.address });
      }
    },
  },
  {
    name: "unknown fields",
    address: "203.0.113.60",
    kinds: ["malicious_extraneous"],
    async run(service) {
      const body = { email: "mallory@example.org", name: "Mallory", password: TRY, role: "admin", is_admin: true };
      await service.ask("POST", "/v1/auth/register", { body, address: this.address });
    },
  },
  {
    name: "many accounts from one address",
    address: "203.0.113.70",
    kinds: ["anomaly_credential_stuffing"],
    async run(service) {
      for (let account = 0; account < 40; account += 1) {
        const body = { email: `list-${account}@example.org`, password: TRY };
        await service.ask("POST", "/v1/auth/login", { body, address: this.address });
      }
    },
  },
  {
    name: "one account from many addresses",
    kinds: ["anomaly_password_spraying", "authn_login_lock"],
    async run(service) {
      for (let address = 1; address <= 12; address += 1) {
        const body = { email: "sprayed@example.org", password: TRY };
        await service.ask("POST", "/v1/auth/login", { body, address: `198.51.100.${100 + address}` });
      }
    },
  },
  {
    name: "a traffic spike",
    address: "203.0.113.80",
    kinds: ["anomaly_traffic_spike"],
    async run(service) {
      for (let round = 0; round < 40; round += 1) {
        await Promise.all(Array.from({ length: 50 }, () => service.ask("GET", "/health/live", { address: this.address })));
      }
    },
  },
  {
    name: "odd endpoints",
    address: "203.0.113.90",
    kinds: ["anomaly_endpoint_scan"],
    async run(service) {
      const paths = ["/.env", "/.git/config", "/wp-login.php", "/admin", "/actuator/env", "/phpmyadmin/", "/server-status", "/api/v1"];
      for (const path of paths) {
        for (const ending of ["", ".bak", "~", ".old", "/index.php"]) {
          await service.ask("GET", path + ending, { address: this.address });
        }
      }
      for (const method of ["PUT", "DELETE", "PATCH"]) await service.ask(method, "/health/live", { address: this.address });
    },
  },
  {
    name: "a stranger's page",
    address: "203.0.113.100",
    kinds: ["malicious_cors"],
    async run(service) {
      for (let tries = 0; tries < 3; tries += 1) {
        await service.ask("GET", "/v1/users/me", { address: this.address, headers: { Origin: "https://evil.example" } });
      }
    },
  },
  {
    name: "a scanner",
    address: "203.0.113.110",
    kinds: ["malicious_attack_tool"],
    async run(service) {
      await service.ask("GET", "/v1/users/me", { address: this.address, headers: { "User-Agent": "sqlmap/1.8#stable (https://sqlmap.org)" } });
    },
  },
];
