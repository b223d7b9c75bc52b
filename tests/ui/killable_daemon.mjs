// A daemon that can be killed and started again: the real one where MILLRACE_BINARY names it, else the fake.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFakeDaemon } from "./fake_daemon.mjs";

const binary = process.env.MILLRACE_BINARY;

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

export async function killableDaemon() {
  if (!binary) return startFakeDaemon({ traffic: false });
  const folder = mkdtempSync(join(tmpdir(), "millrace-live-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const environment = {
    ...process.env,
    MILLRACE_INFERENCE_ENABLED: "false",
    MILLRACE_JOBS_DRAIN_SECONDS: "1",
  };
  delete environment.MILLRACE_BINARY;
  let running;
  const start = async () => {
    running = spawn(binary, ["serve", "--data", folder, "--listen", `127.0.0.1:${port}`], {
      env: environment,
      stdio: "ignore",
    });
    for (let tries = 0; tries < 1000; tries += 1) {
      const ready = await fetch(`${url}/ready`).catch(() => undefined);
      if (ready?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error("the daemon does not get ready");
  };
  const kill = async () => {
    const ended = new Promise((resolve) => running.once("exit", resolve));
    running.kill("SIGKILL");
    await ended;
  };
  await start();
  const made = execFileSync(binary, [
    "key",
    "create",
    "--name",
    "browser",
    "--role",
    "admin",
    "--json",
    "--data",
    folder,
  ]);
  return {
    url,
    key: JSON.parse(made).key,
    disappear: kill,
    reappear: start,
    stop: async () => {
      if (running.exitCode === null && running.signalCode === null) await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
