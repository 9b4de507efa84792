import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { READY_CARD, pay, startReceiver, startSandbox } from './sandbox.js';

let sandbox, stripe, receiver;
before(async () => {
  sandbox = await startSandbox();
  stripe = sandbox.stripe();
  receiver = await startReceiver();
});
after(async () => {
  await sandbox.stop();
  await receiver.stop();
});

test('the SDK verifies the signatures of both endpoints, and refuses what was changed', async () => {
  const endpoint = (path, connect) =>
    stripe.webhookEndpoints.create({ url: `${receiver.url}${path}`, enabled_events: ['*'], connect });
  const platform = await endpoint('/platform', false);
  const connect = await endpoint('/connect', true);
  const seller = await sandbox.seller(stripe);
  await pay(stripe, 10_000, { payment_method: READY_CARD, transfer_data: { destination: seller } });
  await stripe.payouts.create({ amount: 4000, currency: 'usd' }, { stripeAccount: seller });
  await sandbox.advance(0); // answers when everything was delivered

  const read = (path, secret) =>
    receiver.deliveries
      .filter((delivery) => delivery.path === path)
      .map(({ body, signature }) => stripe.webhooks.constructEvent(body, signature, secret));
  const ours = read('/platform', platform.secret);
  assert.ok(ours.some((event) => event.type === 'payment_intent.succeeded' && event.account === undefined));
  assert.ok(ours.every((event) => event.api_version === stripe.getApiField('version')));
  const sellers = read('/connect', connect.secret);
  const payout = sellers.find((event) => event.type === 'payout.created');
  assert.deepEqual([payout.account, payout.data.object.amount], [seller, 4000]);

  const [{ body, signature }] = receiver.deliveries.filter((delivery) => delivery.path === '/connect');
  const refused = { type: 'StripeSignatureVerificationError' };
  const changed = Buffer.from(body.toString().replace('"livemode":false', '"livemode":true'));
  assert.notDeepEqual(changed, body);
  assert.throws(() => stripe.webhooks.constructEvent(changed, signature, connect.secret), refused);
  assert.throws(() => stripe.webhooks.constructEvent(body, signature, platform.secret), refused);
});
