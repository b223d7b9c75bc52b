import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { filterGroups, groupOperations } from "../out/unit/docs/operations.js";

const document = JSON.parse(readFileSync(new URL("../../embedded/openapi.json", import.meta.url), "utf8"));

test("every operation of the API's document is shown, with its role and its answers", () => {
  const operations = groupOperations(document).flatMap((group) => group.operations);
  const verbs = ["get", "put", "post", "delete", "patch", "head", "options"];
  const documented = Object.values(document.paths).flatMap((path) =>
    Object.keys(path).filter((verb) => verbs.includes(verb)),
  );
  assert.equal(operations.length, documented.length);
  assert.equal(new Set(operations.map((each) => each.id)).size, operations.length);
  for (const each of operations) {
    assert.ok(each.role !== "" && each.answers.length > 0, each.path);
    for (const answer of each.answers)
      assert.ok(answer.description !== "", `${each.method} ${each.path} ${answer.status}`);
    for (const parameter of each.parameters) assert.ok(parameter.name !== "" && parameter.in !== "", each.path);
  }
});

test("a search keeps what has all words", () => {
  const found = filterGroups(groupOperations(document), "post RETRY").flatMap((group) => group.operations);
  assert.ok(found.some((each) => each.path === "/api/v1/jobs/{id}/retry"));
  assert.ok(found.every((each) => each.method === "POST" || /post/i.test(each.description)));
});

test("a document of any shape gives no operations and no error", () => {
  for (const odd of [null, 3, [], {}, { paths: { "/x": null } }, { paths: { "/x": { get: 1 } }, tags: 3 }])
    assert.ok(Array.isArray(groupOperations(odd)));
});
