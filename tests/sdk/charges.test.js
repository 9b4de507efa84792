// Three ways to sell for a seller, with Stripe's fee at 2.9 % and 30 cents: 320 of 10,000.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { DAY, READY_CARD, dollars, pay, startSandbox, submit } from './sandbox.js';

let sandbox, stripe, seller;
beforeEach(async () => {
  sandbox = await startSandbox();
  stripe = sandbox.stripe();
  seller = await sandbox.seller(stripe);
});
afterEach(async () => {
  assert.equal(await sandbox.ledgerSum(), 0, 'no cent is made or lost');
  await sandbox.stop();
});

test('a direct charge is the seller’s, who pays Stripe’s fee and the platform’s', async () => {
  const intent = await pay(stripe, 10_000, { application_fee_amount: 1000 }, { stripeAccount: seller });
  assert.equal(intent.status, 'succeeded');
  assert.deepEqual(await dollars(stripe, seller), { available: 0, pending: 8680 });
  assert.deepEqual(await dollars(stripe), { available: 0, pending: 1000 });
  await assert.rejects(stripe.paymentIntents.retrieve(intent.id), { type: 'StripeInvalidRequestError', statusCode: 404 });
});

test('a destination charge is the platform’s, who pays Stripe’s fee and passes on the rest', async () => {
  const intent = await pay(stripe, 10_000, {
    application_fee_amount: 1000,
    transfer_data: { destination: seller },
  });
  const charge = await stripe.charges.retrieve(intent.latest_charge, { expand: ['balance_transaction', 'transfer'] });
  assert.equal(charge.balance_transaction.net, 9680);
  assert.deepEqual([charge.transfer.amount, charge.transfer.destination], [10_000, seller]);
  assert.deepEqual(await dollars(stripe, seller), { available: 0, pending: 9000 });
  const platform = await dollars(stripe);
  assert.equal(platform.available + platform.pending, 680);
});

test('a separate charge is followed by a transfer out of it', async () => {
  const intent = await pay(stripe, 10_000, { transfer_group: 'order_1' });
  const transfer = await stripe.transfers.create({
    amount: 9000,
    currency: 'usd',
    destination: seller,
    source_transaction: intent.latest_charge,
  });
  assert.equal(transfer.transfer_group, 'order_1');
  assert.deepEqual(await dollars(stripe, seller), { available: 0, pending: 9000 });
  await sandbox.advance(2 * DAY);
  assert.deepEqual(await dollars(stripe, seller), { available: 9000, pending: 0 });
  assert.deepEqual(await dollars(stripe), { available: 680, pending: 0 });
});

test('an authorization waits for its capture, and may be captured in part', async () => {
  const intent = await pay(stripe, 10_000, { capture_method: 'manual' });
  assert.deepEqual([intent.status, intent.amount_capturable], ['requires_capture', 10_000]);
  assert.deepEqual(await dollars(stripe), { available: 0, pending: 0 });
  const captured = await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 6000 });
  assert.deepEqual([captured.status, captured.amount_received], ['succeeded', 6000]);
  assert.deepEqual(await dollars(stripe), { available: 0, pending: 5796 });
});

test('a card that wants to see the buyer leads over the page of the bank', async () => {
  const intent = await stripe.paymentIntents.create({
    amount: 5000,
    currency: 'usd',
    payment_method: 'pm_card_authenticationRequired',
    confirm: true,
    return_url: 'https://shop.test/back',
  });
  assert.equal(intent.status, 'requires_action');
  const back = await submit(intent.next_action.redirect_to_url.url, { outcome: 'complete' });
  assert.equal(new URL(back.location).searchParams.get('redirect_status'), 'succeeded');
  assert.equal((await stripe.paymentIntents.retrieve(intent.id)).status, 'succeeded');
  assert.deepEqual(await dollars(stripe), { available: 0, pending: 4825 });
});

test('a refund with reversal takes back what the seller and the platform got', async () => {
  const intent = await pay(stripe, 10_000, {
    application_fee_amount: 1000,
    transfer_data: { destination: seller },
    payment_method: READY_CARD,
  });
  assert.deepEqual(await dollars(stripe, seller), { available: 9000, pending: 0 });
  const flags = { reverse_transfer: true, refund_application_fee: true };
  const part = await stripe.refunds.create({ payment_intent: intent.id, amount: 4000, ...flags });
  assert.equal(part.status, 'succeeded');
  const seen = await dollars(stripe, seller);
  assert.equal(seen.available + seen.pending, 5400);
  await stripe.refunds.create({ payment_intent: intent.id, ...flags });
  await sandbox.advance(10 * DAY);
  assert.deepEqual(await dollars(stripe, seller), { available: 0, pending: 0 });
  assert.deepEqual(await dollars(stripe), { available: -320, pending: 0 }, 'Stripe keeps its fee');
  const charge = await stripe.charges.retrieve(intent.latest_charge, { expand: ['refunds'] });
  assert.deepEqual([charge.refunded, charge.refunds.data.length], [true, 2]);
});

test('a declined card is the error that applications know', async () => {
  await assert.rejects(pay(stripe, 10_000, { payment_method: 'pm_card_chargeDeclinedInsufficientFunds' }), (error) => {
    assert.equal(error.type, 'StripeCardError');
    assert.deepEqual([error.code, error.decline_code], ['card_declined', 'insufficient_funds']);
    assert.equal(error.payment_intent.status, 'requires_payment_method');
    return true;
  });
});

test('a request that is sent twice under one key is done once', async () => {
  const options = { idempotencyKey: 'order_1' };
  const [first, second] = [await pay(stripe, 10_000, {}, options), await pay(stripe, 10_000, {}, options)];
  assert.equal(first.id, second.id);
  assert.equal(second.lastResponse.headers['idempotent-replayed'], 'true');
  await assert.rejects(pay(stripe, 9_000, {}, options), { type: 'StripeIdempotencyError' });
});
