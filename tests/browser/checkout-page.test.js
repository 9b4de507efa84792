// The sandbox's payment page of a Checkout Session, as a buyer meets it whom a shop sent there.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CARD, SIZES, picture, startBrowser, startSouk } from './stage.js';

let souk;
let browser;

before(async () => {
  [souk, browser] = await Promise.all([startSouk(), startBrowser()]);
});

after(() => Promise.all([souk?.stop(), browser?.stop()]));

// A session that leads back to a page of Souk's which anybody may see.
const open = () =>
  souk.stripe('POST', 'checkout/sessions', {
    mode: 'payment',
    'line_items[0][price_data][currency]': 'usd',
    'line_items[0][price_data][unit_amount]': 5000,
    'line_items[0][price_data][product_data][name]': 'Blue bowl',
    'line_items[0][quantity]': 2,
    success_url: `${souk.dev.api}/docs?paid`,
    cancel_url: `${souk.dev.api}/docs?left`,
  });

async function pay(page, number) {
  const fields = { 'E-mail': 'buyer@example.com', 'Card number': number, Expires: '12 / 34', CVC: '123', Name: 'Jenny Rosen' };
  await page.getByRole('radio', { name: 'Card' }).check();
  for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
  await page.getByRole('button', { name: 'Pay 100.00 USD' }).click();
}

for (const size of Object.keys(SIZES)) {
  test(`a buyer is declined, confirms with the bank, and is led back (${size})`, () =>
    browser.visit(size, async (page) => {
      const session = await open();
      await page.goto(session.url);
      await picture(page, `checkout-page-${size}`);
      await pay(page, CARD.declined);
      await page.getByRole('alert').getByText('Your card was declined.').waitFor();
      await picture(page, `checkout-page-declined-${size}`);
      await pay(page, CARD.asks);
      await page.getByRole('button', { name: 'Complete' }).click();
      await page.waitForURL('**/docs?paid');
      const { status, payment_status: paid } = await souk.stripe('GET', `checkout/sessions/${session.id}`);
      assert.deepEqual([status, paid], ['complete', 'paid']);
    }));
}

test('a buyer who thinks better of it goes back to the shop', () =>
  browser.visit('phone', async (page) => {
    const session = await open();
    await page.goto(session.url);
    await page.getByRole('link', { name: 'Back' }).click();
    await page.waitForURL('**/docs?left');
    assert.equal((await souk.stripe('GET', `checkout/sessions/${session.id}`)).status, 'open');
  }));
