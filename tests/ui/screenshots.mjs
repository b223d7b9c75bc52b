// Pictures of every page in both themes at both widths, to be looked at. usage: node screenshots.mjs FOLDER
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { desktop, openBrowser, phone, signIn } from "./browser.mjs";
import { daemonUnderTest } from "./daemon.mjs";

const folder = process.argv[2] ?? "../../out/screenshots";
mkdirSync(folder, { recursive: true });
const daemon = await daemonUnderTest();
const settle = Number(process.env.SETTLE_SECONDS ?? 12) * 1000;

for (const colorScheme of ["light", "dark"]) {
  for (const [name, viewport] of [
    ["desktop", desktop],
    ["phone", phone],
  ]) {
    const { page, close } = await openBrowser(daemon.url, {
      colorScheme,
      viewport,
    });
    const shoot = (what) =>
      page.screenshot({
        path: join(folder, `${what}-${name}-${colorScheme}.png`),
        fullPage: true,
      });
    await page.goto(daemon.url);
    await page.getByLabel("Key").waitFor();
    await shoot("sign-in");
    await signIn(page, daemon);
    await page.waitForTimeout(settle);
    await shoot("overview");
    await page.goto(`${daemon.url}/jobs`);
    await page.locator("tr[data-job]").first().waitFor();
    await shoot("jobs");
    await page.getByRole("button", { name: "Submit a job" }).click();
    await page.screenshot({
      path: join(folder, `submit-${name}-${colorScheme}.png`),
    });
    await page.keyboard.press("Escape");
    await page.goto(`${daemon.url}/jobs?state=succeeded&kind=infer`);
    await page.locator("tr[data-job] a").first().click();
    await page.locator(".timeline").waitFor();
    await shoot("job");
    await page.goto(`${daemon.url}/models`);
    await page.locator("[data-model]").first().waitFor();
    await shoot("models");
    await page.goto(`${daemon.url}/models/land_cover`);
    await page.locator(".facts").first().waitFor();
    await shoot("model");
    await page.goto(`${daemon.url}/try/digits`);
    await page.locator("[data-example]").nth(8).click();
    await page.locator("[data-result-label]").waitFor();
    await page.waitForTimeout(400);
    await shoot("try-digits");
    await page.goto(`${daemon.url}/try/land_cover`);
    await page.getByRole("button", { name: "Run the satellite example" }).click();
    await page.locator('.map-canvas[data-drawn="yes"]').waitFor();
    await page.locator(".season canvas").waitFor();
    await shoot("try-land-cover");
    await page.goto(`${daemon.url}/keys`);
    await page.locator("[data-key]").first().waitFor();
    await shoot("keys");
    await close();
  }
}
await daemon.stop();
