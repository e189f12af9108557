// SPDX-License-Identifier: Apache-2.0
// The usual collector in Node: a BullMQ job an account, HTTP with keep-alive, one upsert of many rows an account.
//   collect.js add REDIS_PORT DATABASE_URL LIMIT
//   collect.js run REDIS_PORT DATABASE_URL PLATFORM_URL CONCURRENCY
'use strict';
const { Queue, Worker } = require('bullmq');
const { Pool } = require('pg');
const { Pool: HttpPool } = require('undici');

const [, , verb, port, database, ...rest] = process.argv;
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };
const kUpsert = `INSERT INTO peer_snapshots AS h
  (user_id, platform, account_id, source, metric, value, date, fetched_at, first_seen_at, run_id)
  SELECT $1, 'bench', $2, 'social_media', metric, value, $3, now(), now(), 0 FROM unnest($4::text[], $5::float8[]) AS v(metric, value)
  ON CONFLICT (user_id, platform, account_id, source, metric, date)
  DO UPDATE SET value = excluded.value, fetched_at = excluded.fetched_at WHERE h.value <> excluded.value`;

async function add(limit) {
  const pool = new Pool({ connectionString: database });
  const { rows } = await pool.query('SELECT user_id, account_id, token FROM peer_accounts ORDER BY connection_id LIMIT $1', [limit]);
  const queue = new Queue('collect', { connection });
  await queue.obliterate({ force: true });
  for (let i = 0; i < rows.length; i += 1000)
    await queue.addBulk(rows.slice(i, i + 1000).map((data) => ({ name: 'account', data, opts: { removeOnComplete: true, attempts: 5 } })));
  await queue.close();
  await pool.end();
  console.log(JSON.stringify({ added: rows.length }));
}

async function run(platform, concurrency) {
  const pool = new Pool({ connectionString: database, max: Math.min(concurrency, 20) });
  await Promise.all(Array.from({ length: pool.options.max }, () => pool.query('SELECT 1')));
  const http = new HttpPool(platform, { connections: concurrency });
  const queue = new Queue('collect', { connection });
  const expected = (await queue.getJobCounts('waiting')).waiting;
  const date = new Date().toISOString().slice(0, 10);
  let served = 0;
  const start = process.hrtime.bigint();
  await new Promise((resolve, reject) => {
    const worker = new Worker('collect', async ({ data }) => {
      const { statusCode, body } = await http.request(
        { path: `/v1/accounts/${data.account_id}`, method: 'GET', headers: { authorization: `Bearer ${data.token}` } });
      if (statusCode !== 200) throw new Error(`status ${statusCode}`);
      const counters = Object.entries((await body.json()).counters);
      await pool.query({
        name: 'upsert', text: kUpsert,
        values: [data.user_id, data.account_id, date, counters.map(([metric]) => metric), counters.map(([, value]) => value)],
      });
    }, { connection, concurrency });
    worker.on('failed', (job, error) => reject(error));
    worker.on('error', reject);
    worker.on('completed', () => { if (++served === expected) resolve(); });
  });
  console.log(JSON.stringify({ served, seconds: Number(process.hrtime.bigint() - start) / 1e9 }));
  process.exit(0);
}

(verb === 'add' ? add(Number(rest[0])) : run(rest[0], Number(rest[1]))).catch((error) => {
  console.error(error);
  process.exit(1);
});
