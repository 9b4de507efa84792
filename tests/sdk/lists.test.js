import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startSandbox } from './sandbox.js';

let sandbox, stripe;
before(async () => {
  sandbox = await startSandbox();
  stripe = sandbox.stripe();
});
after(() => sandbox.stop());

test('auto-paging walks over more objects than a page holds, in both directions', async () => {
  const made = [];
  for (let number = 0; number < 230; number += 1) {
    made.push((await stripe.customers.create({ name: `Buyer ${number}` })).id);
  }
  const newestFirst = [];
  for await (const customer of stripe.customers.list({ limit: 100 })) newestFirst.push(customer.id);
  assert.deepEqual(newestFirst, [...made].reverse());

  const upwards = await stripe.customers.list({ limit: 50, ending_before: made[9] }).autoPagingToArray({ limit: 1000 });
  assert.deepEqual(upwards.map((customer) => customer.id), made.slice(10));
});
