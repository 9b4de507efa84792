import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startSandbox, submit, visit } from './sandbox.js';

let sandbox, stripe;
before(async () => {
  sandbox = await startSandbox();
  stripe = sandbox.stripe();
});
after(() => sandbox.stop());

const FORM = {
  first_name: 'Jenny',
  last_name: 'Rosen',
  dob_day: '1',
  dob_month: '2',
  dob_year: '1990',
  line1: '510 Townsend Street',
  city: 'San Francisco',
  state: 'CA',
  postal_code: '94103',
  routing_number: '110000000',
  account_number: '000123456789',
  tos: 'yes',
  action: 'submit',
};

async function onboardingLink(account) {
  const link = await stripe.accountLinks.create({
    account,
    type: 'account_onboarding',
    refresh_url: 'https://shop.test/again',
    return_url: 'https://shop.test/done',
  });
  return link.url;
}

test('a seller fills in the hosted form and can be paid', async () => {
  const account = await stripe.accounts.create({
    type: 'express',
    country: 'US',
    email: 'jenny@example.test',
    capabilities: { card_payments: { requested: true }, transfers: { requested: true } },
  });
  assert.equal(account.charges_enabled, false);
  assert.ok(account.requirements.currently_due.includes('external_account'));

  const link = await onboardingLink(account.id);
  const { location: form } = await visit(link);
  const refused = await submit(form, { ...FORM, account_number: '' });
  assert.equal(refused.status, 422);
  assert.equal((await submit(form, FORM)).location, 'https://shop.test/done');
  assert.equal((await visit(link)).location, 'https://shop.test/again', 'a link is good for one visit');

  const ready = await stripe.accounts.retrieve(account.id);
  assert.deepEqual(
    [ready.details_submitted, ready.charges_enabled, ready.payouts_enabled, ready.capabilities.transfers],
    [true, true, true, 'active'],
  );
  assert.deepEqual(ready.requirements.currently_due, []);
  assert.equal(ready.external_accounts.data[0].last4, '6789');
  const login = await stripe.accounts.createLoginLink(account.id);
  assert.equal((await visit(login.url)).status, 200);
});

test('an account that is not yours is refused by the SDK as it refuses Stripe’s', async () => {
  await assert.rejects(stripe.accounts.retrieve('acct_nobody'), (error) => {
    assert.equal(error.type, 'StripePermissionError');
    assert.equal(error.statusCode, 403);
    assert.equal(error.code, 'account_invalid');
    return true;
  });
});
