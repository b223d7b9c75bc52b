// pg-boss and graphile-worker under the load of tests/bench/postgres.py, each by its quickest documented way.
//   node_queues.mjs pg-boss|graphile-worker SECONDS     prints JSON; PGHOST, PGUSER and PGDATABASE name the server
// Packages are looked for in NODE_QUEUES (the folder of a package.json).
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.env.NODE_QUEUES, "package.json"));
const [library, seconds] = [process.argv[2], Number(process.argv[3])];
const payload = { order: 4711, customer: "a customer" };
const now = () => performance.now() / 1000;

/** Calls `one` from so many loops at once, and tells how many a second there were. */
async function rate(loops, one, items = 1) {
  const begin = now();
  let done = 0;
  const loop = async () => {
    while (now() - begin < seconds) {
      await one();
      done += items;
    }
  };
  await Promise.all(Array.from({ length: loops }, loop));
  return done / (now() - begin);
}

async function pgBoss() {
  const PgBoss = require("pg-boss");
  const boss = new PgBoss({ max: 64, supervise: false, schedule: false });
  boss.on("error", console.error);
  await boss.start();
  await boss.createQueue("submits");
  await boss.createQueue("work");
  const submit = await rate(64, () => boss.send("submits", payload));
  const thousand = (name) => Array.from({ length: 1000 }, () => ({ name, data: payload }));
  const batch = await rate(4, () => boss.insert(thousand("submits")), 1000);
  for (let i = 0; i < 8 * seconds; ++i) await boss.insert(thousand("work"));
  let run = 0;
  const begin = now();
  const worker = async () => {
    while (now() - begin < seconds) {
      const jobs = await boss.fetch("work", { batchSize: 500 });
      if (jobs.length === 0) return;
      await boss.complete("work", jobs.map((job) => job.id));
      run += jobs.length;
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  run /= now() - begin;
  await boss.stop({ graceful: false });
  return { submit, batch, run };
}

async function graphileWorker() {
  const { makeWorkerUtils, run: runWorker, Logger } = require("graphile-worker");
  const { Pool } = require("pg");
  const pgPool = new Pool({ max: 64 });
  const logger = new Logger(() => () => {});
  const utils = await makeWorkerUtils({ pgPool, logger });
  await utils.migrate();
  const submit = await rate(64, () => utils.addJob("never", payload));
  await pgPool.query(
    `SELECT count(graphile_worker.add_job('nothing', $1::json)) FROM generate_series(1, ${8000 * seconds})`,
    [JSON.stringify(payload)],
  );
  let ran = 0;
  const begin = now();
  const worker = await runWorker({
    pgPool,
    logger,
    concurrency: 48,
    pollInterval: 100,
    noHandleSignals: true,
    taskList: { nothing: () => void ran++ },
  });
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const run = ran / (now() - begin);
  await worker.stop();
  await utils.release();
  await pgPool.end();
  return { submit, run };
}

console.log(JSON.stringify(await (library === "pg-boss" ? pgBoss() : graphileWorker())));
process.exit(0);
