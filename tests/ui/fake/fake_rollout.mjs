// Who answers, what it came to, and the versions themselves: the roll-out of the fake's models. A key is not looked at: the
// candidate gets its share of the requests by turns.
import { fakeVersion, Problem } from "./fake_models.mjs";

const conflict = (detail) => {
  throw new Problem(409, "Conflict", detail);
};
const unknown = (what) => {
  throw new Problem(404, "Not found", `there is no ${what}`);
};
const usual = { min_samples: 100, max_error_rate_increase: 0.02, max_latency_ratio: 2 };

export class FakeRollout {
  constructor(models) {
    this.models = models;
    this.histories = new Map();
    this.counts = new Map();
  }

  model(name) {
    return this.models.models.find((each) => each.name === name) ?? unknown(`model "${name}"`);
  }

  version(name, number) {
    return (
      this.model(name).versions.find((each) => each.version === number) ??
      unknown(`version "${number}" of the model "${name}"`)
    );
  }

  present(name) {
    const { production } = this.model(name);
    return (
      this.histories.get(name)?.[0].traffic ?? {
        production,
        candidate: null,
        shadow: null,
        fallback: null,
        rollback: usual,
      }
    );
  }

  show(name) {
    return { ...this.model(name), traffic: this.present(name) };
  }

  traffic(name) {
    return { ...this.present(name), history: this.histories.get(name) ?? [] };
  }

  setTraffic(name, traffic, { reason = null, returnedTo = null } = {}) {
    const model = this.model(name);
    const named = [traffic.production, traffic.candidate?.version, traffic.shadow].filter(Boolean);
    if (new Set(named).size < named.length)
      throw new Problem(422, "Unprocessable", "the three versions of a traffic are different ones");
    for (const number of named) this.version(name, number);
    if (traffic.fallback) this.model(traffic.fallback.model);
    const history = this.histories.get(name) ?? [
      {
        revision: 1,
        traffic: this.present(name),
        set_by: "",
        set_at: model.versions[0].created_at,
        reason: "the first version",
        returned_to: null,
      },
    ];
    const rollback = traffic.rollback === false ? false : { ...usual, ...traffic.rollback };
    this.histories.set(name, [
      {
        revision: history[0].revision + 1,
        traffic: { ...traffic, rollback },
        set_by: "admin",
        set_at: new Date().toISOString(),
        reason,
        returned_to: returnedTo,
      },
      ...history,
    ]);
    model.production = traffic.production;
    return this.traffic(name);
  }

  rollBack(name, { reason = null }) {
    const history = this.histories.get(name) ?? conflict(`the traffic of "${name}" was never set`);
    const from = history[0].returned_to ?? history[0].revision;
    const target =
      history.find((each) => each.revision < from) ??
      conflict(`there is no earlier traffic of "${name}" that can be returned to`);
    return this.setTraffic(name, target.traffic, { reason, returnedTo: target.revision });
  }

  predict(name, body) {
    this.model(name);
    const { production, candidate, shadow } = this.present(name);
    const asked =
      (this.count(name, production).predictions + (candidate ? this.count(name, candidate.version).predictions : 0)) %
      4;
    const version = candidate && asked < candidate.percent / 25 ? candidate.version : production;
    const result = this.models.predict(name, body, version);
    const count = this.count(name, version);
    count.predictions += 1;
    if (result.label) count.labels[result.label] = (count.labels[result.label] ?? 0) + 1;
    if (shadow && version === production) this.count(name, shadow).compared += 1;
    this.version(name, version).loaded = { state: "ready", memory_bytes: 6_200_000, used_at: new Date().toISOString() };
    return result;
  }

  count(name, version) {
    const key = `${name}/${version}`;
    if (!this.counts.has(key)) this.counts.set(key, { predictions: 0, compared: 0, labels: {} });
    return this.counts.get(key);
  }

  comparison(name) {
    const { production, candidate, shadow } = this.present(name);
    const roles = { [candidate?.version]: "candidate", [shadow]: "shadow", [production]: "production" };
    const times = { mean: 1.3, p50: 1.21, p95: 2.94, p99: 4.1 };
    const versions = this.model(name).versions.map(({ version }) => {
      const { predictions, compared, labels } = this.count(name, version);
      return {
        version,
        role: roles[version] ?? null,
        predictions,
        errors: 0,
        error_rate: predictions ? 0 : null,
        fallbacks: 0,
        latency_ms: times,
        own_ms: times,
        labels,
        other_labels: 0,
        shadow: { compared, agreed: compared, agreement: compared ? 1 : null },
        feedback: { count: 0, correct: 0, accuracy: null },
        breaker: "closed",
      };
    });
    return { model: name, since: new Date(Date.now() - 8.64e7).toISOString(), versions };
  }

  statistics(name) {
    const versions = this.model(name).versions.map(({ version }) => {
      const { predictions } = this.count(name, version);
      const total = (each) => ({ count: predictions, ms: predictions * each });
      return {
        version,
        last_inference: null,
        inference_count: predictions,
        execution_count: predictions,
        mean_batch: predictions ? 1 : 0,
        pending: 0,
        success: total(1.3),
        failure: { count: 0, ms: 0 },
        queue: total(0.31),
        compute_input: total(0.05),
        compute_infer: total(0.87),
        compute_output: total(0.02),
        batches: [],
        cache: { hits: 0, misses: 0, hit_rate: 0 },
      };
    });
    return { name, pending: 0, versions };
  }

  push(name, body) {
    const text = body.toString("utf8");
    const start = text.indexOf("{", text.indexOf('name="manifest"'));
    const manifest = JSON.parse(text.slice(start, text.indexOf("\r\n--", start)));
    let model = this.models.models.find((each) => each.name === name);
    if (!model) this.models.models.push((model = { name, production: "1", versions: [] }));
    const version = fakeVersion(String(Number(model.versions.at(-1)?.version ?? 0) + 1), body, manifest, new Date());
    model.versions.push(version);
    return version;
  }

  load(name, number, wanted) {
    const version = this.version(name, number);
    version.loaded = wanted
      ? { state: "ready", memory_bytes: 6_200_000, used_at: null }
      : { state: "absent", memory_bytes: 0, used_at: null };
    return version;
  }

  remove(name, number) {
    const model = this.model(name);
    this.version(name, number);
    const { production, candidate, shadow } = this.present(name);
    if (model.versions.length === 1) {
      this.models.models = this.models.models.filter((each) => each !== model);
      this.histories.delete(name);
      return;
    }
    if (number === production)
      conflict(`version ${number} is the production version of "${name}"; put another one there first`);
    if (number === candidate?.version || number === shadow)
      conflict(`version ${number} is in the traffic of "${name}"; take it out first`);
    model.versions = model.versions.filter((each) => each.version !== number);
  }
}
