// What a person does with the page, in a real browser: rolling out a model of its own, pushed and deleted here.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { browser, daemon, eachTestInItsOwnBrowser, open, page, signIn } from "./harness.mjs";
import { openBrowser } from "./browser.mjs";

eachTestInItsOwnBrowser();

const data = new URL("../data/", import.meta.url);
/** Never the same: the numbers of versions go on where a deleted model of that name ended. */
const name = `ui_rollout_${Date.now().toString(36)}`;

/** Through the page's own session, so that the fake and a real daemon are asked alike. */
const ask = (tab, method, path, body) =>
  tab.evaluate(
    async ([verb, where, sent]) => {
      const headers = { "X-Millrace-Request": "1" };
      let content;
      if (sent?.json) {
        headers["Content-Type"] = "application/json";
        content = JSON.stringify(sent.json);
      } else if (sent?.png) {
        headers["Content-Type"] = "image/png";
        content = Uint8Array.from(atob(sent.png), (letter) => letter.charCodeAt(0));
      } else if (sent?.model) {
        content = new FormData();
        content.append(
          "model",
          new Blob([Uint8Array.from(atob(sent.model), (letter) => letter.charCodeAt(0))]),
          "model.pt",
        );
        content.append("manifest", new Blob([sent.manifest], { type: "application/json" }), "manifest.json");
      }
      const answer = await fetch(`/api/v1/${where}`, {
        method: verb,
        headers,
        body: content,
      });
      return {
        status: answer.status,
        body: answer.status === 204 ? null : await answer.json(),
      };
    },
    [method, path, body],
  );

async function push(tab, description) {
  const manifest = {
    ...JSON.parse(readFileSync(new URL("models/digits.manifest.json", data))),
    name,
    description,
  };
  const model = readFileSync(new URL("models/digits.pt", data)).toString("base64");
  const { status, body } = await ask(tab, "POST", `models/${name}/versions`, {
    model,
    manifest: JSON.stringify(manifest),
  });
  assert.ok(status === 200 || status === 201, JSON.stringify(body));
}

const part = (role) => page.locator(`[data-part="${role}"]`);
const row = (version) => page.locator(`[data-version="${version}"]`);
const dialog = () => page.getByRole("dialog");
const choose = (version) => row(version).getByRole("button").click();

async function openModel() {
  await page.goto(`${daemon.url}/models/${name}`);
  await part("production").waitFor();
}

async function predict(times) {
  const samples = readdirSync(new URL("digits/samples/", data)).filter((each) => each.endsWith(".png"));
  for (let number = 0; number < times; number += 1) {
    const png = readFileSync(new URL(`digits/samples/${samples[number % samples.length]}`, data)).toString("base64");
    const { status, body } = await ask(page, "POST", `models/${name}/predict`, {
      png,
    });
    assert.equal(status, 200, JSON.stringify(body));
  }
}

async function elsewhere(work) {
  const { page: tab, close } = await openBrowser(daemon.url);
  try {
    await signIn(tab, daemon);
    await work(tab);
  } finally {
    await close();
  }
}

async function clearAway(tab) {
  const { status, body } = await ask(tab, "GET", `models/${name}`);
  if (status !== 200) return;
  await ask(tab, "PUT", `models/${name}/traffic`, {
    json: { production: body.production },
  });
  const others = body.versions.filter((each) => each.version !== body.production).map((each) => each.version);
  for (const version of [...others, body.production]) await ask(tab, "DELETE", `models/${name}/versions/${version}`);
}

describe("rolling out a model", () => {
  before(() =>
    elsewhere(async (tab) => {
      await clearAway(tab);
      await push(tab, "the first");
      await push(tab, "the second");
    }),
  );
  after(() => elsewhere(clearAway));

  test("a candidate gets its share, is compared, and is taken back with a reason", async () => {
    await open();
    await signIn(page, daemon);
    await openModel();
    await part("production").getByText("100 %").waitFor();
    await page.getByRole("button", { name: "Change" }).click();
    await dialog().getByLabel("Candidate", { exact: true }).selectOption("2");
    await dialog().getByLabel("The candidate's share, in percent").fill("50");
    assert.equal(await dialog().getByRole("slider").inputValue(), "50");
    await dialog().getByRole("button", { name: "Set traffic" }).click();
    await part("candidate").getByText("50 %").waitFor();
    await part("production").getByText("50 %").waitFor();
    await row(2).getByText("candidate 50 %").waitFor();

    await predict(24);
    for (const version of [1, 2]) {
      await page.locator(`[data-compared="${version}"]`).getByText(/ ms$/).first().waitFor();
      await page.locator(`[data-statistics="${version}"]`).waitFor();
    }
    await page.getByRole("columnheader", { name: "Label" }).waitFor();

    await page.getByRole("button", { name: "Roll back" }).click();
    await dialog().getByLabel("Reason").fill("seven is taken for one");
    await dialog().getByRole("button", { name: "Roll back" }).click();
    await part("candidate").waitFor({ state: "detached" });
    await page
      .locator("[data-latest-setting]")
      .getByText(/Rolled back by .*seven is taken for one/)
      .waitFor();
  });

  test("by keyboard alone: the share with the arrow, a promotion, and the focus comes back", async () => {
    await open();
    await signIn(page, daemon);
    await openModel();
    const change = page.getByRole("button", { name: "Change" });
    await change.focus();
    await page.keyboard.press("Enter");
    await dialog().getByLabel("Candidate", { exact: true }).selectOption("2");
    await dialog().getByRole("slider").focus();
    await page.keyboard.press("ArrowRight");
    assert.equal(await dialog().getByLabel("The candidate's share, in percent").inputValue(), "11");
    await page.keyboard.press("Escape");
    await dialog().waitFor({ state: "detached" });
    assert.ok(await change.evaluate((button) => button === document.activeElement), "the focus is back on the button");

    await page.keyboard.press("Enter");
    await dialog().getByLabel("Candidate", { exact: true }).selectOption("2");
    await dialog().getByLabel("The candidate's share, in percent").focus();
    await page.keyboard.press("Enter");
    await part("candidate").getByText("10 %").waitFor();
    await page.getByRole("button", { name: "Promote" }).focus();
    await page.keyboard.press("Enter");
    await dialog().getByRole("button", { name: "Promote version 2" }).focus();
    await page.keyboard.press("Enter");
    await part("production").getByText("version 2").waitFor();
    await part("candidate").waitFor({ state: "detached" });
  });

  test("a version is looked at, given back and loaded again", async () => {
    await open();
    await signIn(page, daemon);
    await openModel();
    await choose(1);
    const facts = page.getByRole("region", { name: "Version 1" });
    await facts.getByText(/loaded in .* forward/).waitFor();
    await facts.getByText("not signed").waitFor();
    await facts.getByRole("button", { name: /Load|Unload/ }).waitFor();
    if (await facts.getByRole("button", { name: "Load", exact: true }).count())
      await facts.getByRole("button", { name: "Load", exact: true }).click();
    await row(1)
      .getByText(/^ready/)
      .waitFor();
    await facts.getByRole("button", { name: "Unload" }).click();
    await row(1).getByText("not loaded").waitFor();
    await facts.getByRole("button", { name: "Load", exact: true }).click();
    await row(1)
      .getByText(/^ready/)
      .waitFor();
  });

  test("what is refused is said where it was asked, in the daemon's words", async () => {
    await open();
    for (const status of [404, 409, 422]) browser.wrong.expectStatus(status);
    await signIn(page, daemon);
    await openModel();
    await page.getByRole("button", { name: "Change" }).click();
    await dialog().getByLabel("Shadow").selectOption("2");
    await dialog().getByLabel("Production").selectOption("2");
    await dialog().getByText("choose three different ones").waitFor();
    await dialog().getByLabel("Shadow").selectOption("1");
    await dialog().getByLabel("Fallback").fill("nowhere");
    await dialog().getByRole("button", { name: "Set traffic" }).click();
    await dialog().locator(".failure").getByText("nowhere").waitFor();
    await dialog().getByLabel("Fallback").fill("");
    await dialog().getByRole("button", { name: "Set traffic" }).click();
    await part("shadow").getByText("version 1").waitFor();

    await choose(1);
    await page.getByRole("region", { name: "Version 1" }).getByRole("button", { name: "Delete" }).click();
    await dialog().getByRole("button", { name: "Delete" }).click();
    await dialog().locator(".failure").getByText("take it out first").waitFor();
    await page.keyboard.press("Escape");
    await dialog().waitFor({ state: "detached" });
    assert.equal(await row(1).count(), 1);
  });

  test("who may only look gets the figures and no buttons", async () => {
    await open();
    await signIn(page, daemon);
    const { body: key } = await ask(page, "POST", "keys", {
      json: { name: "ui viewer", role: "viewer" },
    });
    await page.getByRole("button", { name: "Sign out" }).last().click();
    await signIn(page, { ...daemon, key: key.key });
    await openModel();
    await row(2).waitFor();
    await page.getByRole("region", { name: "Comparison" }).waitFor();
    for (const action of ["Change", "Promote", "Roll back", "Load", "Unload", "Delete"]) {
      assert.equal(await page.getByRole("button", { name: action, exact: true }).count(), 0, action);
    }
  });

  test("a version that nobody names is deleted, and with the last one its model", async () => {
    await open();
    browser.wrong.expectStatus(404);
    await signIn(page, daemon);
    await ask(page, "PUT", `models/${name}/traffic`, {
      json: { production: "2" },
    });
    await openModel();
    for (const [version, gone] of [
      [1, row(1)],
      [2, page.locator(`[data-model="${name}"]`)],
    ]) {
      await choose(version);
      await page
        .getByRole("region", { name: `Version ${version}` })
        .getByRole("button", { name: "Delete" })
        .click();
      await dialog().getByRole("button", { name: "Delete" }).click();
      await dialog().waitFor({ state: "detached" });
      await gone.waitFor({ state: "detached" });
    }
    await page.getByRole("heading", { name: "Models" }).waitFor();
    await page.locator("[data-model]").first().waitFor();
    assert.equal(await page.locator(`[data-model="${name}"]`).count(), 0);
  });
});

test("the overview names the devices where there are several or a limit", async () => {
  await open();
  await signIn(page, daemon);
  await page.locator("[data-worker]").waitFor();
  const { worker } = (await ask(page, "GET", "status")).body;
  const devices =
    worker.devices.length > 1 || worker.devices.some((each) => each.model_budget_bytes > 0) ? worker.devices : [];
  if (devices.length > 0) await page.locator("[data-device]").first().waitFor();
  assert.equal(await page.locator("[data-device]").count(), devices.length);
});
