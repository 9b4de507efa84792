// What the tests of pages share: a Souk with its sandbox, a browser, and pictures of what it shows.

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const target = resolve(fileURLToPath(new URL('../..', import.meta.url)), process.env.CARGO_TARGET_DIR ?? 'target');
const binary = process.env.SOUK_BIN ?? join(target, 'debug/souk');
const pictures = join(target, 'screenshots');

// How long a page may take on a busy machine.
const PATIENCE_MS = 20_000;

export const SIZES = {
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  desktop: { viewport: { width: 1280, height: 800 } },
};

export const CARD = {
  good: '4242 4242 4242 4242',
  declined: '4000 0000 0000 0002',
  poor: '4000 0000 0000 9995',
  asks: '4000 0025 0000 3155',
};

// `souk dev` on free ports, with a directory of its own.
export async function startSouk() {
  const directory = await mkdtemp(join(tmpdir(), 'souk-browser-'));
  const args = ['dev', '--listen', '127.0.0.1:0', '--sandbox-listen', '127.0.0.1:0', '--data-dir', directory];
  // Its log is in the way, unless somebody wants it.
  const env = { RUST_LOG: 'error', ...process.env };
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  // A test run that dies takes it along.
  process.once('exit', () => child.kill('SIGKILL'));
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    ended.then((code) => reject(new Error(`souk dev ended with ${code}`)));
    createInterface(child.stdout).on('line', (line) => line.startsWith('Ctrl-C stops it') && resolve());
  });
  const dev = JSON.parse(await readFile(join(directory, 'dev.json'), 'utf8'));
  return new Souk(child, ended, directory, dev);
}

class Souk {
  #child;
  #ended;
  #directory;

  constructor(child, ended, directory, dev) {
    this.#child = child;
    this.#ended = ended;
    this.#directory = directory;
    this.dev = dev;
  }

  async stop() {
    this.#child.kill();
    await this.#ended;
    await rm(this.#directory, { recursive: true });
  }

  // A call of Souk's API in a role.
  call(role, method, path, body) {
    const headers = { authorization: `Bearer ${this.dev.tokens[role]}` };
    if (body) Object.assign(headers, { 'content-type': 'application/json', 'idempotency-key': randomUUID() });
    return answered(fetch(new URL(path, this.dev.api), { method, headers, body: body && JSON.stringify(body) }));
  }

  // A call of Stripe's API as the platform, or as whoever holds another key.
  stripe(method, path, form = {}, { key = this.dev.stripe_secret_key, account } = {}) {
    const headers = { authorization: `Bearer ${key}`, ...(account && { 'stripe-account': account }) };
    const url = new URL(`/v1/${path}`, this.dev.sandbox);
    return answered(fetch(url, { method, headers, body: method === 'POST' ? new URLSearchParams(form) : undefined }));
  }

  control(path, body = {}) {
    return answered(fetch(new URL(`/_sandbox/${path}`, this.dev.sandbox), { method: 'POST', body: JSON.stringify(body) }));
  }

  // Reads until it is so.
  async until(role, path, is) {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = await this.call(role, 'GET', path);
      if (is(found)) return found;
      if (Date.now() > deadline) throw new Error(`${path} is still ${JSON.stringify(found)}`);
    }
  }
}

async function answered(asked) {
  const answer = await asked;
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.url}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

export async function startBrowser() {
  // Chromium refuses to isolate its processes when it is run as root, as in a container.
  const root = process.getuid?.() === 0;
  const browser = await chromium.launch({
    executablePath: process.env.SOUK_CHROMIUM ?? '/usr/bin/chromium',
    args: [...(root ? ['--no-sandbox'] : []), '--disable-dev-shm-usage', '--font-render-hinting=none'],
  });
  return { stop: () => browser.close(), visit: (size, work) => visit(browser, size, work) };
}

// A fresh browser of one size, for `work` with its page. What the page's console complains of fails the test, but for
// the refusals and the lost answers that a test of a page provokes.
async function visit(browser, size, work) {
  const context = await browser.newContext({ ...SIZES[size], locale: 'en-US', reducedMotion: 'reduce' });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    const provoked = /status of 4\d\d|net::ERR_FAILED/.test(message.text());
    if (message.type() === 'error' && !provoked) complaints.push(`${message.text()} (${message.location().url})`);
  });
  try {
    await work(page);
  } catch (error) {
    await picture(page, `failed-${size}`).catch(() => {});
    throw error;
  } finally {
    await context.close();
  }
  if (complaints.length > 0) throw new Error(`the page complained:\n${complaints.join('\n')}`);
}

// A picture of the whole page, and proof that it is no wider than its window.
export async function picture(page, name) {
  await mkdir(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true, animations: 'disabled', caret: 'hide' });
  const [wide, room] = [await page.evaluate(() => document.documentElement.scrollWidth), page.viewportSize().width];
  if (wide > room) throw new Error(`${name}: the page is ${wide} pixels wide in a window of ${room}`);
}

// The Payment Element's frame.
export const paymentFrame = (page) => page.frameLocator('iframe[title="Secure payment input frame"]');

// Types a card as a person does: digits only, the fields put them in form.
export async function typeCard(page, number, { expiry = '12 / 34', code = '123' } = {}) {
  const frame = paymentFrame(page);
  for (const [label, text] of [['Card number', number], ['Expiration date', expiry], ['Security code', code]]) {
    const field = frame.getByLabel(label);
    await field.fill('');
    await field.pressSequentially(text.replace(/\D/g, ''));
  }
}
