// Disputes cost 1500 besides the amount; Stripe's fee on a charge of 10,000 is 320.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { DAY, READY_CARD, dollars, pay, startSandbox } from './sandbox.js';

let sandbox, stripe;
beforeEach(async () => {
  sandbox = await startSandbox();
  stripe = sandbox.stripe();
});
afterEach(async () => {
  assert.equal(await sandbox.ledgerSum(), 0, 'no cent is made or lost');
  await sandbox.stop();
});

async function disputed() {
  const intent = await pay(stripe, 10_000, { payment_method: READY_CARD });
  assert.deepEqual(await dollars(stripe), { available: 9680, pending: 0 });
  await sandbox.control('disputes', { charge: intent.latest_charge, reason: 'product_not_received' });
  const { data } = await stripe.disputes.list({ payment_intent: intent.id });
  assert.deepEqual([data[0].status, data[0].amount], ['needs_response', 10_000]);
  return data[0].id;
}

test('a dispute that is lost takes the amount and a fee', async () => {
  const dispute = await disputed();
  const closed = await stripe.disputes.close(dispute);
  assert.equal(closed.status, 'lost');
  assert.deepEqual(await dollars(stripe), { available: -1820, pending: 0 });
});

test('a dispute that is won gives the amount back', async () => {
  const dispute = await disputed();
  await stripe.disputes.update(dispute, { evidence: { uncategorized_text: 'winning_evidence' } });
  await sandbox.control(`disputes/${dispute}/close`, { outcome: 'won' });
  const won = await stripe.disputes.retrieve(dispute, { expand: ['charge'] });
  assert.deepEqual([won.status, won.charge.disputed], ['won', true]);
  assert.deepEqual(await dollars(stripe), { available: 8180, pending: 0 });
});

test('a bank that does not exist sends the payout back', async () => {
  const seller = await sandbox.seller(stripe, { account_number: '000111111116' });
  await pay(stripe, 10_000, { payment_method: READY_CARD, transfer_data: { destination: seller } });
  const on = { stripeAccount: seller };
  const payout = await stripe.payouts.create({ amount: 4000, currency: 'usd' }, on);
  assert.equal(payout.status, 'pending');
  assert.deepEqual(await dollars(stripe, seller), { available: 6000, pending: 0 });
  await sandbox.advance(2 * DAY);
  const failed = await stripe.payouts.retrieve(payout.id, { expand: ['failure_balance_transaction'] }, on);
  assert.deepEqual([failed.status, failed.failure_code], ['failed', 'no_account']);
  assert.equal(failed.failure_balance_transaction.net, 4000);
  assert.deepEqual(await dollars(stripe, seller), { available: 10_000, pending: 0 });
  assert.equal((await stripe.accounts.retrieve(seller)).payouts_enabled, false);
  await assert.rejects(stripe.payouts.create({ amount: 4000, currency: 'usd' }, on), { code: 'payouts_not_allowed' });
});
