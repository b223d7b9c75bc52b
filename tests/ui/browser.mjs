// A headless Chromium with a profile of its own that remembers everything a page must not do.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const executable =
  process.env.MILLRACE_CHROMIUM ??
  ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const desktop = { width: 1280, height: 820 };
export const phone = { width: 390, height: 844 };

export async function openBrowser(origin, { colorScheme = "light", viewport = desktop, deviceScaleFactor = 1 } = {}) {
  if (!executable) throw new Error("no Chromium here: install chromium, or name one in MILLRACE_CHROMIUM");
  const profile = mkdtempSync(join(tmpdir(), "millrace-ui-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: executable,
    args: flags,
    headless: true,
    chromiumSandbox: false,
    colorScheme,
    viewport,
    deviceScaleFactor,
    permissions: [],
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(40_000);
  const wrong = watch(page, origin);
  return {
    page,
    wrong,
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** What the page did wrong, in words; `expectStatus` says which failed answers a test provokes. */
function watch(page, origin) {
  const seen = [];
  const expected = new Set([401]);
  page.on("pageerror", (error) => seen.push(`exception: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    const status = /the server responded with a status of (\d+)/.exec(message.text())?.[1];
    if (status && expected.has(Number(status))) return;
    if (expected.has("network") && message.text().includes("net::ERR_")) return;
    seen.push(`console ${message.type()}: ${message.text()}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith("data:") && !url.startsWith(`blob:${origin}/`))
      seen.push(`request to elsewhere: ${url}`);
  });
  void page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  return { seen, expectStatus: (status) => expected.add(status) };
}

export async function signIn(page, daemon) {
  await page.goto(`${daemon.url}/`);
  await page.getByLabel("Key").fill(daemon.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
}
