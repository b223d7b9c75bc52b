// The pictures in docs/images, taken from a daemon at work. usage: node readme_pictures.mjs FOLDER, with MILLRACE_URL and
// MILLRACE_KEY naming a daemon that has both example models.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openBrowser, signIn } from "./browser.mjs";
import { daemonUnderTest } from "./daemon.mjs";

const folder = process.argv[2] ?? "../../docs/images";
const daemon = await daemonUnderTest();
const samples = new URL("../data/digits/samples/", import.meta.url);
const look = { viewport: { width: 1280, height: 860 }, deviceScaleFactor: 1.5 };

async function call(method, path, type, body) {
  const answer = await fetch(`${daemon.url}/api/v1/${path}`, {
    method,
    headers: { Authorization: `Bearer ${daemon.key}`, "Content-Type": type },
    body,
  });
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

/** Work of several kinds in waves, so that the lines on the page have something to tell. */
async function work(seconds) {
  const blobs = await Promise.all(
    readdirSync(samples).map((name) =>
      call("PUT", "blobs", "application/octet-stream", readFileSync(new URL(name, samples))),
    ),
  );
  const pick = (list) => list[Math.floor(Math.random() * list.length)];
  const submit = (job) => call("POST", "jobs", "application/json", JSON.stringify(job));
  const end = Date.now() + seconds * 1000;
  for (let step = 0; Date.now() < end; step += 1) {
    const wave = Math.round(30 + 22 * Math.sin(step / 9) + 10 * Math.random());
    const jobs = [];
    for (let number = 0; number < wave; number += 1) {
      const chance = Math.random();
      if (chance < 0.8)
        jobs.push(
          submit({
            kind: "infer",
            queue: "vision",
            payload: { model: "digits", input: { blob: pick(blobs).sha256 } },
          }),
        );
      else if (chance < 0.97)
        jobs.push(
          submit({
            kind: "echo",
            payload: { reading: Math.round(Math.random() * 1000) / 10 },
          }),
        );
      else
        jobs.push(
          submit({
            kind: "sleep",
            queue: "nightly",
            priority: 3,
            payload: { seconds: 2 + Math.round(Math.random() * 3) },
          }),
        );
    }
    if (step % 40 === 0)
      jobs.push(
        submit({
          kind: "sleep",
          queue: "nightly",
          payload: { seconds: 0, fail_times: 1 },
          max_attempts: 1,
        }),
      );
    await Promise.all(jobs);
    await new Promise((resolve) => {
      setTimeout(resolve, 500);
    });
  }
}

const dark = await openBrowser(daemon.url, { ...look, colorScheme: "dark" });
await signIn(dark.page, daemon);
const working = work(66);
await dark.page.waitForTimeout(62_000);
await dark.page.screenshot({ path: join(folder, "overview.png") });
await working;
await dark.close();

const light = await openBrowser(daemon.url, { ...look, colorScheme: "light" });
await signIn(light.page, daemon);
await light.page.goto(`${daemon.url}/try/land_cover`);
await light.page.getByRole("button", { name: "Run the satellite example" }).click();
await light.page.locator('.map-canvas[data-drawn="yes"]').waitFor();
await light.page.locator(".season canvas").waitFor();
await light.page.getByRole("button", { name: "Run again" }).click();
await light.page.waitForTimeout(1500);
await light.page.screenshot({ path: join(folder, "land-cover.png") });
await light.close();
await daemon.stop();
