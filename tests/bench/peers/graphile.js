// SPDX-License-Identifier: Apache-2.0
// graphile-worker with a task that does nothing: `graphile.js add URL JOBS` adds jobs, `graphile.js run URL defaults|batch
// CONCURRENCY` executes all there are and says how long it took.
const { makeWorkerUtils, runOnce, Logger } = require("graphile-worker");

const kTask = "nothing";
const kJobsACall = 10_000;
// What its documentation calls the configuration of its best figures: worker.graphile.org/docs/performance.
const kBatching = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };

async function add(url, jobs) {
  const utils = await makeWorkerUtils({ connectionString: url });
  await utils.migrate();
  for (let added = 0; added < jobs; added += kJobsACall) {
    const count = Math.min(kJobsACall, jobs - added);
    await utils.addJobs(Array.from({ length: count }, (_, i) => ({ identifier: kTask, payload: { id: added + i } })));
  }
  await utils.release();
}

async function run(url, mode, concurrency) {
  let served = 0;
  let start; // of the first job, so that connecting and looking at the schema do not count
  const task = async () => {
    start ??= process.hrtime.bigint();
    ++served;
  };
  await runOnce({
    preset: {
      worker: {
        connectionString: url,
        concurrentJobs: concurrency,
        logger: new Logger(() => () => {}), // a line a job would be measured too
        ...(mode === "batch" ? kBatching : {}),
      },
    },
    taskList: { [kTask]: task },
  });
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  console.log(JSON.stringify({ served, seconds }));
}

const [verb, url, argument, concurrency] = process.argv.slice(2);
(verb === "add" ? add(url, Number(argument)) : run(url, argument, Number(concurrency))).catch((error) => {
  console.error(error);
  process.exit(1);
});
