// A fake of the daemon: the same API and the same headers as far as the UI sees them, all in memory, no durability and
// no inference. Only for working on the UI and for testing it without a built daemon.
// By hand: node fake_daemon.mjs [PORT]; the key is printed.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { FakeJobs } from "./fake/fake_jobs.mjs";
import { digest, FakeModels, Problem } from "./fake/fake_models.mjs";
import { FakeRollout } from "./fake/fake_rollout.mjs";
import { startStream } from "./fake/fake_stream.mjs";

const ui = fileURLToPath(new URL("../../embedded/ui/", import.meta.url));
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
  "font-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'; " +
  "require-trusted-types-for 'script'";
const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".json": "application/json",
};
export const fakeKey = "mr_fake_admin_key";
const fakeDevices = [
  {
    device: "cuda:0",
    state: "ready",
    pid: 1,
    restarts: 0,
    model_bytes: 812_000_000,
    model_budget_bytes: 4_000_000_000,
    batches: 1,
    reason: "",
  },
  {
    device: "cpu",
    state: "stopped",
    pid: null,
    restarts: 0,
    model_bytes: 0,
    model_budget_bytes: 4_000_000_000,
    batches: 0,
    reason: "a fallback for cuda:0",
  },
];

class FakeDaemon {
  constructor(traffic) {
    this.blobs = new Map();
    this.sessions = new Map();
    this.roles = new Map([[fakeKey, "admin"]]);
    this.models = new FakeModels(this.blobs);
    this.rollout = new FakeRollout(this.models);
    this.jobs = new FakeJobs(this.models, this.blobs, traffic);
    this.started = Date.now();
    this.keys = [
      {
        id: "k1",
        name: "admin",
        role: "admin",
        created_at: new Date().toISOString(),
        expires_at: null,
        last_used_at: new Date().toISOString(),
        revoked_at: null,
      },
    ];
  }

  answer(request, url, body) {
    const { method } = request;
    const path = url.pathname;
    if (path.startsWith("/examples/")) return this.example(path);
    if (!path.startsWith("/api/")) return file(request, path);
    const sid = /\bsid=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
    if (method !== "GET" && path !== "/api/v1/auth/login" && request.headers["x-millrace-request"] !== "1") {
      throw new Problem(403, "Forbidden", "a write from a browser needs the header X-Millrace-Request");
    }
    if (path === "/api/v1/auth/login") return this.signIn(JSON.parse(body));
    if (!this.sessions.has(sid)) throw new Problem(401, "Unauthenticated", "sign in first");
    const parts = path.slice("/api/v1/".length).split("/").map(decodeURIComponent);
    if (method !== "GET" && this.sessions.get(sid) === "viewer")
      throw new Problem(403, "Forbidden", "your key may only look");
    return this.route(
      `${method} ${parts[0]}${parts.length > 2 ? `/*/${parts[2]}` : parts.length > 1 ? "/*" : ""}`,
      parts,
      url,
      body,
      sid,
    );
  }

  route(call, parts, url, body, sid) {
    const job = () => this.jobs.find(parts[1]);
    switch (call) {
      case "GET auth/*":
        return ok(this.who(this.sessions.get(sid)));
      case "POST auth/*":
        this.sessions.delete(sid);
        return { status: 204 };
      case "GET events/*":
        return {
          stream: (response) =>
            startStream(
              response,
              () => this.status(),
              () => this.jobs.jobs,
            ),
        };
      case "GET status":
        return ok(this.status());
      case "GET jobs":
        return ok(this.jobs.list(url.searchParams));
      case "POST jobs": {
        const { id, state, queue } = this.jobs.submit(JSON.parse(body));
        return ok({ id, state, queue }, 202);
      }
      case "GET jobs/*":
        return ok(job());
      case "GET jobs/*/why":
        return ok({
          id: job().id,
          state: job().state,
          reason: "running",
          sentence: "Attempt 1 of 4 runs.",
        });
      case "POST jobs/*/cancel":
        this.jobs.cancel(job());
        return ok(job());
      case "POST jobs/*/retry":
        this.jobs.retry(job());
        return ok(job());
      case "GET models":
        return ok({ data: this.models.models, meta: { next_cursor: null } });
      case "GET models/*":
        return ok(this.rollout.show(parts[1]));
      case "POST models/*/predict":
        return ok(this.rollout.predict(parts[1], body));
      case "GET models/*/traffic":
        return ok(this.rollout.traffic(parts[1]));
      case "PUT models/*/traffic":
        return ok(this.rollout.setTraffic(parts[1], JSON.parse(body)));
      case "POST models/*/rollback":
        return ok(this.rollout.rollBack(parts[1], JSON.parse(body)));
      case "GET models/*/comparison":
        return ok(this.rollout.comparison(parts[1]));
      case "GET models/*/statistics":
        return ok(this.rollout.statistics(parts[1]));
      case "POST models/*/versions":
        return parts.length === 3
          ? ok(this.rollout.push(parts[1], body), 201)
          : ok(this.rollout.load(parts[1], parts[3], parts[4] === "load"));
      case "DELETE models/*/versions":
        this.rollout.remove(parts[1], parts[3]);
        return { status: 204 };
      case "PUT blobs":
        this.blobs.set(digest(body), body);
        return ok({ sha256: digest(body), size: body.length, tier: "hot" }, 201);
      case "GET blobs/*":
        return {
          status: 200,
          type: "application/octet-stream",
          body: this.blobs.get(parts[1]) ?? missing("blob"),
        };
      case "GET keys":
        return ok({ data: this.keys, meta: { next_cursor: null } });
      case "POST keys":
        return ok(this.createKey(JSON.parse(body)), 201);
      case "DELETE keys/*": {
        const key = this.keys.find((each) => each.id === parts[1]) ?? missing("key");
        key.revoked_at = new Date().toISOString();
        return { status: 204 };
      }
      default:
        return missing("resource");
    }
  }

  signIn({ key }) {
    const role = this.roles.get(key);
    if (!role) throw new Problem(401, "Unauthenticated", "the key is wrong, expired or revoked");
    const sid = randomBytes(16).toString("hex");
    this.sessions.set(sid, role);
    return {
      ...ok(this.who(role)),
      headers: {
        "Set-Cookie": `sid=${sid}; HttpOnly; SameSite=Strict; Path=/`,
      },
    };
  }

  who(role) {
    return {
      name: role,
      role,
      organization: "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55",
    };
  }

  createKey({ name, role, expires_at = null }) {
    if (!name) throw new Problem(422, "Unprocessable", "a key needs a name");
    const key = {
      id: randomBytes(4).toString("hex"),
      name,
      role,
      created_at: new Date().toISOString(),
      expires_at,
      last_used_at: null,
      revoked_at: null,
    };
    this.keys.unshift(key);
    const secret = `mr_${key.id}_${randomBytes(16).toString("base64url")}`;
    this.roles.set(secret, role);
    return { ...key, key: secret };
  }

  example(path) {
    if (path === "/examples/index.json") return ok(this.models.examples());
    const body = this.models.example(path) ?? missing("example");
    return {
      status: 200,
      type: types[extname(path)] ?? "application/octet-stream",
      body,
    };
  }

  status() {
    return {
      version: "0.1.0",
      started_at: new Date(this.started).toISOString(),
      uptime_seconds: (Date.now() - this.started) / 1000,
      ready: true,
      reasons: [],
      ...this.jobs.counts(),
      worker: {
        state: "ready",
        pid: process.pid,
        restarts: 0,
        runtime: "libtorch 2.13.0",
        device: "cpu",
        threads: 2,
        in_flight: 0,
        models: ["digits/1", "land_cover/1"],
        reason: "",
        sandbox: "seccomp, landlock 3",
        devices: fakeDevices,
      },
      store: { driver: "sqlite", schema_version: 1, bytes: 1_482_752 },
      disk: { free_bytes: 41_300_000_000 },
    };
  }
}

const ok = (value, status = 200) => ({
  status,
  type: "application/json",
  body: Buffer.from(JSON.stringify(value)),
});

function missing(what) {
  throw new Problem(404, "Not found", `there is no such ${what} here`);
}

function file(request, path) {
  const wanted = join(ui, normalize(path));
  const found = existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(ui, "index.html");
  const packed = request.headers["accept-encoding"]?.includes("br") && existsSync(`${found}.br`);
  const headers = {
    "Content-Security-Policy": policy,
    "Cache-Control": path.startsWith("/assets/") ? "max-age=31536000, immutable" : "no-cache",
  };
  if (packed) headers["Content-Encoding"] = "br";
  return {
    status: 200,
    type: types[extname(found)],
    body: readFileSync(packed ? `${found}.br` : found),
    headers,
  };
}

export async function startFakeDaemon({ port = 0, traffic = true } = {}) {
  const daemon = new FakeDaemon(traffic);
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    let result;
    try {
      result = daemon.answer(request, new URL(request.url, "http://localhost"), Buffer.concat(pieces));
    } catch (failure) {
      const { status = 500, title = "Internal error", detail = String(failure) } = failure;
      result = {
        status,
        type: "application/problem+json",
        body: Buffer.from(JSON.stringify({ type: "about:blank", title, status, detail })),
      };
    }
    if (result.stream) return result.stream(response);
    const headers = {
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
      ...(result.type && { "Content-Type": result.type }),
      ...result.headers,
    };
    response.writeHead(result.status, headers).end(result.body);
  });
  const listen = (at) =>
    new Promise((resolve) => {
      server.listen(at, "127.0.0.1", resolve);
    });
  const close = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  await listen(port);
  const bound = server.address().port;
  return {
    url: `http://127.0.0.1:${bound}`,
    key: fakeKey,
    /** Gone from the network and back, with everything kept. */
    disappear: close,
    reappear: () => listen(bound),
    stop: async () => {
      daemon.jobs.stop();
      if (server.listening) await close();
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const fake = await startFakeDaemon({ port: Number(process.argv[2] ?? 7979) });
  console.log(`fake daemon at ${fake.url}, key ${fake.key}`);
}
