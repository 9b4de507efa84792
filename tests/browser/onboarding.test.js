// A seller's way through Stripe's onboarding form and back.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SIZES, picture, startBrowser, startSouk } from './stage.js';

let souk;
let browser;

before(async () => {
  [souk, browser] = await Promise.all([startSouk(), startBrowser()]);
});

after(() => Promise.all([souk?.stop(), browser?.stop()]));

const GOOD = {
  'Legal first name': 'Jenny',
  'Legal last name': 'Rosen',
  Day: '1',
  Month: '2',
  Year: '1990',
  'Street and number': '510 Townsend Street',
  City: 'San Francisco',
  'State or region': 'CA',
  'Postal code': '94103',
  'Routing number': '110000000',
  'Account number': '000123456789',
};

async function fill(page, fields) {
  for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
}

async function newSeller() {
  const seller = await souk.call('service', 'POST', '/v1/sellers', { email: 'ada@example.com', country: 'US' });
  const link = await souk.call('service', 'POST', `/v1/sellers/${seller.id}/onboarding-links`, {});
  return { seller, link };
}

for (const size of Object.keys(SIZES)) {
  test(`a seller fills in the form, mends what is wrong, and can be paid (${size})`, () =>
    browser.visit(size, async (page) => {
      const { seller, link } = await newSeller();
      await page.goto(link.url);
      await page.getByRole('heading', { name: /^Get paid by/ }).waitFor();
      await picture(page, `onboarding-form-${size}`);

      // Without a year of birth and the agreement.
      await fill(page, { ...GOOD, Year: '' });
      await page.getByRole('button', { name: 'Agree and submit' }).click();
      await page.getByRole('alert').waitFor();
      await page.getByText('Enter a real date of birth: day, month and year').waitFor();
      await picture(page, `onboarding-errors-${size}`);

      await fill(page, { Year: '1990' });
      await page.getByRole('checkbox').check();
      await page.getByRole('button', { name: 'Agree and submit' }).click();
      await page.getByRole('heading', { name: 'You are ready to sell' }).waitFor();
      await picture(page, `onboarding-ready-${size}`);
      const { status, payable } = await souk.until('service', `/v1/sellers/${seller.id}`, ({ status }) => status === 'active');
      assert.equal(status, 'active');
      assert.ok(payable.destination);
    }));
}

test('a seller who stops half-way is told what is missing, and goes on', () =>
  browser.visit('phone', async (page) => {
    const { link } = await newSeller();
    await page.goto(link.url);
    await fill(page, { 'Legal first name': 'Jenny', 'Legal last name': 'Rosen' });
    await page.getByRole('button', { name: 'Save and return later' }).click();
    await page.getByRole('heading', { name: 'A few things are still missing' }).waitFor();
    await picture(page, 'onboarding-missing-phone');
    await page.getByRole('link', { name: 'Go on' }).click();
    await page.getByRole('heading', { name: /^Get paid by/ }).waitFor();
    assert.equal(await page.getByLabel('Legal first name').inputValue(), 'Jenny');
  }));

test('a link that was used leads to a new one', () =>
  browser.visit('desktop', async (page) => {
    const { link } = await newSeller();
    await page.goto(link.url);
    const first = page.url();
    await page.goto(link.url);
    await page.getByRole('heading', { name: /^Get paid by/ }).waitFor();
    assert.notEqual(page.url(), first);
  }));
