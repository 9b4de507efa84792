// The flow against a running `souk dev`: npm start [-- path/to/dev.json]

import { readFile } from 'node:fs/promises';
import { App } from './app.js';
import { StripeSdk } from './stripe.js';

const path = process.argv[2] ?? '../../../var/dev.json';
const dev = JSON.parse(await readFile(path, 'utf8'));

const stripe = new StripeSdk(dev.sandbox, 'souk-example://paid', async (page) => {
  // The buyer, in front of the bank's page.
  await fetch(page, { method: 'POST', body: new URLSearchParams({ outcome: 'complete' }), redirect: 'manual' });
});
const app = await App.signIn(dev.api, dev.tokens.buyer, stripe);
console.log(`Signed in as ${app.buyer.email ?? app.buyer.id}`);

const [listing] = await app.souk.listings();
if (listing === undefined) throw new Error(`nothing is on sale: open ${dev.api}/shop/ once, which sees to that`);
const order = await app.checkOut([{ listing_id: listing.id, quantity: 2 }]);
console.log(`${order.id}  2 × ${listing.title}  ${order.status}`);

const cards = ['pm_card_chargeDeclinedInsufficientFunds', 'pm_card_authenticationRequired'];
const paid = await app.pay(order, cards, (why) => console.log(`  declined: ${why.message}`));
console.log(`${paid.id}  ${paid.status}`);

for await (const { id, status, amount } of app.souk.orders()) {
  console.log(`  ${id}  ${amount.amount} ${amount.currency}  ${status}`);
}
