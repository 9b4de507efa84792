// The example shop of `souk dev`, as a buyer meets it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CARD, SIZES, paymentFrame, picture, startBrowser, startSouk, typeCard } from './stage.js';

let souk;
let browser;

before(async () => {
  [souk, browser] = await Promise.all([startSouk(), startBrowser()]);
});

after(() => Promise.all([souk?.stop(), browser?.stop()]));

// Puts two bowls and a cup into the cart, and goes to the payment.
async function checkOut(page) {
  await page.goto(`${souk.dev.api}/shop/`);
  await page.getByRole('button', { name: 'Add one Blue bowl' }).click();
  await page.getByRole('button', { name: 'Add one Blue bowl' }).click();
  await page.getByRole('button', { name: 'Add one Tea cup' }).click();
  await page.getByRole('complementary', { name: 'Your cart' }).getByText('$128.00').waitFor();
}

async function toPayment(page) {
  await page.getByRole('button', { name: 'Check out' }).click();
  await page.getByRole('button', { name: 'Pay $128.00', disabled: false }).waitFor();
}

const pay = (page) => page.getByRole('button', { name: 'Pay $128.00' }).click();

async function thanked(page) {
  await page.getByRole('heading', { name: 'Thank you' }).waitFor();
  const [order] = (await souk.call('buyer', 'GET', '/v1/orders?limit=1')).data;
  assert.equal(order.status, 'paid');
  assert.deepEqual(order.amount, { amount: 12_800, currency: 'usd' });
  assert.equal(await page.locator('#result-order').textContent(), order.id);
  const address = new URL(page.url());
  assert.deepEqual([...address.searchParams], [['order', order.id]], 'the secret does not stay in the address');
}

for (const size of Object.keys(SIZES)) {
  test(`a buyer chooses, checks out and pays (${size})`, () =>
    browser.visit(size, async (page) => {
      await checkOut(page);
      await picture(page, `shop-${size}`);
      await toPayment(page);
      await typeCard(page, CARD.good);
      assert.equal(await paymentFrame(page).getByLabel('Card number').inputValue(), CARD.good);
      assert.equal(await paymentFrame(page).getByLabel('Expiration date').inputValue(), '12 / 34');
      await picture(page, `payment-${size}`);
      await pay(page);
      await thanked(page);
      await picture(page, `paid-${size}`);
    }));

  test(`a declined card is told of, and another one pays (${size})`, () =>
    browser.visit(size, async (page) => {
      await checkOut(page);
      await toPayment(page);
      await typeCard(page, CARD.poor);
      await pay(page);
      await page.getByRole('alert').getByText('Your card has insufficient funds.').waitFor();
      await picture(page, `declined-${size}`);
      await typeCard(page, CARD.good);
      await pay(page);
      await thanked(page);
    }));

  test(`the bank asks, and the buyer comes back with the answer (${size})`, () =>
    browser.visit(size, async (page) => {
      await checkOut(page);
      await toPayment(page);
      await typeCard(page, CARD.asks);
      await pay(page);

      // No: the order stays payable, here and after a reload.
      await page.getByRole('heading', { name: 'Confirm your payment' }).waitFor();
      assert.ok(page.url().startsWith(souk.dev.sandbox), page.url());
      await picture(page, `bank-${size}`);
      await page.getByRole('button', { name: 'Fail' }).click();
      await page.getByRole('alert').getByText('Your bank did not confirm the payment.').waitFor();
      await picture(page, `not-confirmed-${size}`);
      await page.reload();

      // Yes.
      await page.getByRole('button', { name: 'Pay $128.00', disabled: false }).waitFor();
      await typeCard(page, CARD.asks);
      await pay(page);
      await page.getByRole('button', { name: 'Complete' }).click();
      await thanked(page);
      await page.reload();
      await page.getByRole('heading', { name: 'Thank you' }).waitFor();
    }));
}

test('a cart of two sellers is one payment', () =>
  browser.visit('desktop', async (page) => {
    await page.goto(`${souk.dev.api}/shop/`);
    await page.getByRole('button', { name: 'Add one Blue bowl' }).click();
    await page.getByRole('button', { name: 'Add one Glass carafe' }).click();
    await page.getByRole('button', { name: 'Check out' }).click();
    await page.getByRole('button', { name: 'Pay $142.00', disabled: false }).waitFor();
    await typeCard(page, CARD.good);
    await page.getByRole('button', { name: 'Pay $142.00' }).click();
    await page.getByRole('heading', { name: 'Thank you' }).waitFor();
    const [order] = (await souk.call('service', 'GET', '/v1/orders?limit=1')).data;
    assert.deepEqual([order.status, order.charge_model, order.shares.length], ['paid', 'separate', 2]);
  }));

test('a direct charge is paid where it lives, on the seller’s account', () =>
  browser.visit('phone', async (page) => {
    await page.goto(`${souk.dev.api}/shop/`);
    await page.getByRole('button', { name: 'Add one Glass carafe' }).waitFor();
    const [{ id }] = (await souk.call('buyer', 'GET', '/v1/listings')).data;
    const lines = [{ listing_id: id, quantity: 1 }];
    const wish = { lines, charge_model: 'direct', buyer_id: souk.dev.buyer_id };
    const order = await souk.call('service', 'POST', '/v1/checkouts', wish);
    const { stripe_account: account, stripe_payment_intent_id: intent } = order.payment;
    assert.match(account, /^acct_/);

    await page.goto(`${souk.dev.api}/shop/?order=${order.id}`);
    await page.getByRole('button', { name: /^Pay/, disabled: false }).waitFor();
    await typeCard(page, CARD.asks);
    await page.getByRole('button', { name: /^Pay/ }).click();
    await page.getByRole('button', { name: 'Complete' }).click();
    await page.getByRole('heading', { name: 'Thank you' }).waitFor();
    const paid = await souk.stripe('GET', `payment_intents/${intent}`, {}, { account });
    assert.equal(paid.amount_received, order.amount.amount);
  }));

test('what is missing or wrong in a field is said at the field', () =>
  browser.visit('phone', async (page) => {
    await checkOut(page);
    await toPayment(page);
    await pay(page);
    const frame = paymentFrame(page);
    for (const words of ['card number is incomplete', 'expiration date is incomplete', 'security code is incomplete']) {
      await frame.getByRole('alert').getByText(words).waitFor();
    }
    await picture(page, 'incomplete-phone');
    await typeCard(page, '4242 4242 4242 4241', { expiry: '01 / 20' });
    await pay(page);
    await frame.getByText('Your card number is invalid.').waitFor();
    await frame.getByText("Your card's expiration date is in the past.").waitFor();
    assert.equal(await frame.getByLabel('Card number').getAttribute('aria-invalid'), 'true');
    assert.equal(await frame.locator(':focus').getAttribute('id'), 'number', 'the first wrong field has the focus');
  }));

test('the shop can be used with the keyboard alone', () =>
  browser.visit('desktop', async (page) => {
    await checkOut(page);
    await page.getByRole('button', { name: 'Check out' }).press('Enter');
    await page.getByRole('button', { name: 'Pay $128.00', disabled: false }).waitFor();
    await paymentFrame(page).getByLabel('Card number').focus();
    for (const typed of ['4242424242424242', '1234', '123']) {
      await page.keyboard.type(typed);
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    await thanked(page);
  }));

const countOrders = async () => (await souk.call('buyer', 'GET', '/v1/orders?limit=100')).data.length;

test('a checkout that found no answer is asked for again by the page, and makes one order', () =>
  browser.visit('desktop', async (page) => {
    const before = await countOrders();
    await checkOut(page);
    let asked = 0;
    await page.route('**/v1/checkouts', async (route) => {
      asked += 1;
      if (asked > 1) return route.continue();
      await route.fetch();
      return route.abort();
    });
    await toPayment(page);
    assert.deepEqual([asked, await countOrders()], [2, before + 1]);
  }));

test('a checkout that is asked for again while it is under way makes one order', () =>
  browser.visit('desktop', async (page) => {
    const before = await countOrders();
    await checkOut(page);
    await souk.control('faults', { method: 'POST', path: '/v1/payment_intents', kind: 'delay', delay_ms: 600 });
    let first;
    await page.route('**/v1/checkouts', (route) => {
      if (first) return route.continue();
      first = route.fetch();
      return route.abort();
    });
    await toPayment(page);
    assert.equal((await first).status(), 201);
    assert.equal(await countOrders(), before + 1);
  }));

test('a shop that is cut off says so, and goes on when it is back', () =>
  browser.visit('phone', async (page) => {
    await checkOut(page);
    await page.route('**/v1/checkouts', (route) => route.abort());
    await page.getByRole('button', { name: 'Check out' }).click();
    await page.getByRole('alert').getByText('No answer. Check your connection and try again.').waitFor();
    await picture(page, 'cut-off-phone');
    await page.unroute('**/v1/checkouts');
    await toPayment(page);
  }));
