// A sandbox of its own for each test file, and what the tests need of people: a browser, a receiver of webhooks.

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Stripe from 'stripe';

export const DAY = 24 * 60 * 60;

// The card whose funds can be used at once.
export const READY_CARD = 'pm_card_bypassPending';

const binary =
  process.env.SOUK_SANDBOX_BIN ?? fileURLToPath(new URL('../../target/debug/souk-sandbox', import.meta.url));

export async function startSandbox() {
  // Captures complete at once, so that a test can look at balances without waiting.
  const args = ['--listen', '127.0.0.1:0', '--seed', '7', '--async-capture-ms', '0'];
  const process = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise((resolve, reject) => {
    process.once('error', reject);
    process.once('exit', (code) => reject(new Error(`the sandbox ended with ${code}`)));
    createInterface(process.stdout).once('line', (line) => resolve(line.match(/http:\/\/\S+/)[0]));
  });
  return new Sandbox(process, new URL(url));
}

class Sandbox {
  constructor(process, url) {
    this.process = process;
    this.url = url;
  }

  async stop() {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill();
    await ended;
  }

  // The SDK as an application would make it, but for the address.
  stripe(key = 'sk_test_shop') {
    const { hostname: host, port } = this.url;
    return new Stripe(key, { host, port, protocol: 'http', telemetry: false });
  }

  async control(path, body = {}) {
    const answer = await fetch(new URL(`/_sandbox/${path}`, this.url), { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`/_sandbox/${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  advance(seconds) {
    return this.control('clock/advance', { seconds });
  }

  // An Express seller who is through with onboarding.
  async seller(stripe, bank = {}) {
    const account = await stripe.accounts.create({ type: 'express', country: 'US' });
    await this.control(`accounts/${account.id}/complete-onboarding`, bank);
    return account.id;
  }

  async ledgerSum() {
    const answer = await fetch(new URL('/_sandbox/ledger', this.url));
    const { positions } = await answer.json();
    return positions.reduce((sum, position) => sum + position.available + position.pending, 0);
  }
}

// Available and pending dollars of the platform, or of a connected account.
export async function dollars(stripe, stripeAccount) {
  const balance = await stripe.balance.retrieve({}, stripeAccount ? { stripeAccount } : {});
  const of = (amounts) => amounts.find((amount) => amount.currency === 'usd')?.amount ?? 0;
  return { available: of(balance.available), pending: of(balance.pending) };
}

// A payment by card, confirmed at once; no page that the buyer would have to come back from.
export function pay(stripe, amount, more = {}, options = {}) {
  const card = { payment_method: 'pm_card_visa', automatic_payment_methods: { enabled: true, allow_redirects: 'never' } };
  return stripe.paymentIntents.create({ amount, currency: 'usd', confirm: true, ...card, ...more }, options);
}

// A browser without a memory: one page, and what it leads to.
export async function visit(url) {
  const answer = await fetch(url, { redirect: 'manual' });
  const location = answer.headers.get('location');
  return { status: answer.status, location: location && new URL(location, url).href, page: await answer.text() };
}

// Fills in the form of a page by the names of its fields, and submits it to where the form says.
export async function submit(url, fields) {
  const { page } = await visit(url);
  const action = page.match(/<form[^>]*\saction="([^"]*)"/)?.[1] ?? url;
  for (const name of Object.keys(fields)) {
    if (!page.includes(`name="${name}"`)) throw new Error(`the form has no field ${name}`);
  }
  const answer = await fetch(new URL(action, url), {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams(fields),
  });
  return { status: answer.status, location: answer.headers.get('location'), page: await answer.text() };
}

// Receives webhooks, and keeps them as they came.
export async function startReceiver() {
  const deliveries = [];
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      deliveries.push({ path: request.url, signature: request.headers['stripe-signature'], body });
      response.end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    deliveries,
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
