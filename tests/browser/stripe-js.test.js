// The sandbox's stand-in for Stripe.js, on a page that has nothing else: what a shop of its own kind would do with it.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { CARD, paymentFrame, picture, startBrowser, startSouk, typeCard } from './stage.js';

let souk;
let browser;
let site;

before(async () => {
  [souk, browser] = await Promise.all([startSouk(), startBrowser()]);
  const page = `<!doctype html><title>A page</title><link rel="icon" href="data:,">
    <script src="${souk.dev.sandbox}/v3/"></script><div id="here"></div>`;
  site = createServer((_, response) => response.setHeader('content-type', 'text/html').end(page));
  await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
});

after(() => Promise.all([souk?.stop(), browser?.stop(), site && new Promise((resolve) => site.close(resolve))]));

// Visits the page; there, `work` gets the address of the page and of the publishable key's platform.
const visit = (work) =>
  browser.visit('desktop', async (page) => {
    const address = `http://127.0.0.1:${site.address().port}/`;
    await page.goto(address);
    await work(page, address);
  });

// Puts a Payment Element on the page, and waits until it can be typed in.
async function mount(page, clientSecret, { key = souk.dev.stripe_publishable_key, ...options } = {}) {
  await page.evaluate(
    ([key, options, clientSecret]) =>
      new Promise((resolve, reject) => {
        window.stripe = Stripe(key, options);
        window.elements = stripe.elements({ clientSecret });
        const payment = elements.create('payment');
        payment.on('ready', resolve);
        payment.on('loaderror', ({ error }) => reject(new Error(error.message)));
        payment.mount('#here');
      }),
    [key, options, clientSecret],
  );
}

const intent = (more = {}, options = {}) =>
  souk.stripe('POST', 'payment_intents', { amount: 2000, currency: 'usd', ...more }, options);

test('a payment that needs no redirect is answered to the page', () =>
  visit(async (page) => {
    const { id, client_secret: secret } = await intent();
    await mount(page, secret);
    await typeCard(page, CARD.good);
    const { paymentIntent, error } = await page.evaluate(() => stripe.confirmPayment({ elements, redirect: 'if_required' }));
    assert.equal(error, undefined);
    assert.deepEqual([paymentIntent.id, paymentIntent.status], [id, 'succeeded']);
    const seen = await page.evaluate((secret) => stripe.retrievePaymentIntent(secret), secret);
    assert.deepEqual(seen, { paymentIntent });
    assert.ok(!('metadata' in paymentIntent), 'an app sees less than the platform');
  }));

test('a page that always redirects is come back to with the outcome', () =>
  visit(async (page, address) => {
    const { id, client_secret: secret } = await intent();
    await mount(page, secret);
    await typeCard(page, CARD.good);
    await page.evaluate((back) => void stripe.confirmPayment({ elements, confirmParams: { return_url: back } }), `${address}done?order=7`);
    await page.waitForURL('**/done?**');
    assert.deepEqual(Object.fromEntries(new URL(page.url()).searchParams), {
      order: '7',
      payment_intent: id,
      payment_intent_client_secret: secret,
      redirect_status: 'succeeded',
    });
  }));

test('a decline is Stripe’s error, with the intent that can be tried again', () =>
  visit(async (page) => {
    const { id, client_secret: secret } = await intent();
    await mount(page, secret);
    await typeCard(page, CARD.declined);
    const { error } = await page.evaluate(() => stripe.confirmPayment({ elements, redirect: 'if_required' }));
    assert.deepEqual([error.type, error.code, error.decline_code], ['card_error', 'card_declined', 'generic_decline']);
    assert.deepEqual([error.payment_intent.id, error.payment_intent.status], [id, 'requires_payment_method']);
  }));

test('a card that must be confirmed is asked about over the page, if there is nowhere to come back to', () =>
  visit(async (page) => {
    for (const [answer, outcome] of [['Fail', 'payment_intent_authentication_failure'], ['Complete', 'succeeded']]) {
      const { client_secret: secret } = await intent();
      await page.evaluate(() => document.getElementById('here').replaceChildren());
      await mount(page, secret);
      await typeCard(page, CARD.asks);
      const confirmed = page.evaluate(() => stripe.confirmPayment({ elements, redirect: 'if_required' }));
      const question = page.frameLocator('iframe[title="Your bank"]').getByRole('button', { name: answer });
      await question.waitFor();
      await picture(page, 'bank-dialog-desktop');
      await question.click();
      const { paymentIntent, error } = await confirmed;
      assert.equal(paymentIntent?.status ?? error.code, outcome);
      assert.equal(await page.locator('dialog').count(), 0, 'the dialog is gone');
    }
  }));

test('what the platform confirmed, the page finishes', () =>
  visit(async (page) => {
    const more = { confirm: true, payment_method: 'pm_card_authenticationRequired' };
    const { client_secret: secret } = await intent(more);
    await page.evaluate((key) => void (window.stripe = Stripe(key)), souk.dev.stripe_publishable_key);
    const done = page.evaluate((clientSecret) => stripe.handleNextAction({ clientSecret }), secret);
    await page.frameLocator('iframe[title="Your bank"]').getByRole('button', { name: 'Complete' }).click();
    assert.equal((await done).paymentIntent.status, 'succeeded');
  }));

test('a direct charge is found and paid on the seller’s account, and nowhere else', () =>
  visit(async (page) => {
    const account = (await souk.stripe('POST', 'accounts', { type: 'express', country: 'US' })).id;
    await souk.control(`accounts/${account}/complete-onboarding`);
    const { id, client_secret: secret } = await intent({ application_fee_amount: 200 }, { account });
    await assert.rejects(mount(page, secret), /No such payment_intent/);
    await page.evaluate(() => document.getElementById('here').replaceChildren());
    await mount(page, secret, { stripeAccount: account });
    await typeCard(page, CARD.good);
    const { paymentIntent } = await page.evaluate(() => stripe.confirmPayment({ elements, redirect: 'if_required' }));
    assert.equal(paymentIntent.status, 'succeeded');
    assert.equal((await souk.stripe('GET', `payment_intents/${id}`, {}, { account })).amount_received, 2000);
  }));

test('a card is kept for later', () =>
  visit(async (page) => {
    const customer = (await souk.stripe('POST', 'customers')).id;
    const { id, client_secret: secret } = await souk.stripe('POST', 'setup_intents', { customer });
    await mount(page, secret);
    await typeCard(page, CARD.good);
    const { setupIntent } = await page.evaluate(() => stripe.confirmSetup({ elements, redirect: 'if_required' }));
    assert.deepEqual([setupIntent.id, setupIntent.status], [id, 'succeeded']);
    const [kept] = (await souk.stripe('GET', `customers/${customer}/payment_methods`)).data;
    assert.equal(kept.card.last4, '4242');
    const seen = await page.evaluate((secret) => stripe.retrieveSetupIntent(secret), secret);
    assert.equal(seen.setupIntent.status, 'succeeded');
  }));

test('a payment method is made for the platform to charge, without an intent', () =>
  visit(async (page) => {
    await mount(page, undefined);
    await typeCard(page, CARD.good);
    const billing = { billing_details: { name: 'Jenny Rosen' } };
    const { paymentMethod } = await page.evaluate((params) => stripe.createPaymentMethod({ elements, params }), billing);
    assert.deepEqual([paymentMethod.card.last4, paymentMethod.billing_details.name], ['4242', 'Jenny Rosen']);
    const paid = await intent({ confirm: true, payment_method: paymentMethod.id });
    assert.equal(paid.status, 'succeeded');
  }));

test('the fields tell the page of changes, and never what is typed', () =>
  visit(async (page) => {
    const { client_secret: secret } = await intent();
    await mount(page, secret);
    await page.evaluate(() => {
      window.heard = [];
      elements.getElement('payment').on('change', (change) => heard.push(change));
    });
    assert.equal((await page.evaluate(() => elements.submit())).error.code, 'incomplete_number');
    await typeCard(page, '3782 822463 10005', { code: '1234' });
    assert.equal(await paymentFrame(page).getByLabel('Card number').inputValue(), '3782 822463 10005');
    assert.deepEqual(await page.evaluate(() => elements.submit()), {});
    const heard = await page.evaluate(() => heard);
    assert.deepEqual(heard.at(-1), { elementType: 'payment', empty: false, complete: true, collapsed: false, value: { type: 'card' } });
    assert.ok(heard.slice(0, -1).every(({ complete }) => !complete));
    assert.ok(!JSON.stringify(heard).includes('3782'));
  }));

test('what is used wrongly is said to whoever writes the page', () =>
  visit(async (page) => {
    const thrown = (use) => page.evaluate(`(async () => { ${use} })().then(() => 'nothing', (error) => error.name + ': ' + error.message)`);
    const stripe = `const stripe = Stripe('pk_test_souk');`;
    const cases = {
      "Stripe('sk_test_souk')": 'You should not use your secret key',
      'Stripe()': 'Missing value for Stripe()',
      [`${stripe} stripe.elements().create('card')`]: 'only the Payment Element',
      [`${stripe} await stripe.retrievePaymentIntent('pi_1')`]: 'The clientSecret should be',
      [`${stripe} await stripe.confirmSetup({ clientSecret: 'pi_1_secret_2' })`]: 'not one of a setupIntent',
      [`${stripe} await stripe.confirmPayment({ clientSecret: 'pi_1_secret_2' })`]: 'You must pass a return_url',
      [`${stripe} stripe.elements().create('payment').mount('#nowhere')`]: 'Invalid DOM element',
      [`${stripe} await stripe.elements().submit()`]: 'should have a mounted Payment Element',
    };
    for (const [use, words] of Object.entries(cases)) {
      const message = await thrown(use);
      assert.ok(message.startsWith('IntegrationError: ') && message.includes(words), `${use}: ${message}`);
    }
  }));
