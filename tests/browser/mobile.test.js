// The mobile example of openapi/examples/mobile, as it is built, against Souk and its sandbox.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { App } from '../../openapi/examples/mobile/dist/app.js';
import { Problem } from '../../openapi/examples/mobile/dist/souk.js';
import { Declined, StripeSdk } from '../../openapi/examples/mobile/dist/stripe.js';
import { startSouk } from './stage.js';

let souk;
let listing;
// What the buyer answers to the bank.
let outcome = 'complete';

before(async () => {
  souk = await startSouk();
  // Whoever opens the shop finds something to buy.
  await (await fetch(new URL('/shop/config.json', souk.dev.api))).json();
  [listing] = (await souk.call('buyer', 'GET', '/v1/listings')).data;
});

after(() => souk?.stop());

function signIn(token = souk.dev.tokens.buyer) {
  const stripe = new StripeSdk(souk.dev.sandbox, 'souk-example://paid', async (page) => {
    const answer = await fetch(page, { method: 'POST', body: new URLSearchParams({ outcome }), redirect: 'manual' });
    assert.match(answer.headers.get('location'), /^souk-example:\/\/paid\?payment_intent=pi_/);
  });
  return App.signIn(souk.dev.api, token, stripe);
}

const wish = () => [{ listing_id: listing.id, quantity: 2 }];

test('a buyer signs in, buys, pays, and finds the order in the list', async () => {
  const app = await signIn();
  assert.equal(app.buyer.id, souk.dev.buyer_id);
  const order = await app.checkOut(wish());
  assert.equal(order.status, 'pending_payment');
  const paid = await app.pay(order, ['pm_card_visa']);
  assert.equal(paid.status, 'paid');
  assert.equal(paid.amount.amount, listing.price.amount * 2);
  const listed = [];
  for await (const { id, status } of app.souk.orders()) listed.push({ id, status });
  assert.deepEqual(listed[0], { id: order.id, status: 'paid' });
});

test('the first card is declined, the second asks the bank and pays', async () => {
  const app = await signIn();
  const why = [];
  const cards = ['pm_card_chargeDeclinedInsufficientFunds', 'pm_card_authenticationRequired'];
  const paid = await app.pay(await app.checkOut(wish()), cards, (declined) => why.push(declined.declineCode));
  assert.equal(paid.status, 'paid');
  assert.deepEqual(why, ['insufficient_funds']);
});

test('a buyer whom the bank does not believe has paid nothing', async () => {
  const app = await signIn();
  const order = await app.checkOut(wish());
  outcome = 'fail';
  const refused = app.pay(order, ['pm_card_authenticationRequired']);
  await assert.rejects(refused, (error) => error instanceof Declined && error.code === 'payment_intent_authentication_failure');
  outcome = 'complete';
  assert.equal((await app.souk.order(order.id)).status, 'pending_payment');
});

test('a checkout that is sent twice under one key is one order', async () => {
  const app = await signIn();
  const [first, second] = await Promise.all([app.checkOut(wish(), 'wish-1'), app.checkOut(wish(), 'wish-1')]);
  assert.equal(first.id, second.id);
});

test('what the service refuses is a problem with a code', async () => {
  const app = await signIn();
  const cheap = [{ seller_id: listing.seller_id, title: 'Bowl', unit_amount: { amount: 1, currency: 'usd' }, quantity: 1 }];
  await assert.rejects(app.checkOut(cheap), (error) => error instanceof Problem && error.code === 'price_not_allowed');
  const stranger = souk.dev.tokens.buyer.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
  await assert.rejects(signIn(stranger), (error) => error instanceof Problem && error.status === 401);
});
