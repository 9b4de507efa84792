// Calls of Souk's API. A larger app generates its client from openapi/souk.json; these are the few that a shop needs.

// What the service refused: `code` is for programs, the message for people.
export class Problem extends Error {
  constructor({ status, code, detail, errors = [] }) {
    super([detail, ...errors.map((error) => error.detail)].join(' '));
    this.code = code;
    // Nothing is decided: Stripe or the database did not answer, or the same request is still under way.
    this.undecided = status === 503 || code === 'idempotency_key_in_use';
  }
}

// How often a request is sent, and how long to wait before the second time; then twice as long each time.
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 250;

// How long an order may take to follow its payment, and how often it is read meanwhile.
const PATIENCE_MS = 30_000;
const PAUSE_MS = 300;

export class Souk {
  #api;
  #token;

  constructor({ api, token }) {
    this.#api = new URL(api, location.href);
    this.#token = token;
  }

  // What sells now; the first page of it.
  async listings() {
    const { data } = await this.#call('GET', '/v1/listings?limit=50');
    return data;
  }

  // An order for `[{ listing_id, quantity }]`. The key makes it safe to ask again when no answer came.
  checkOut(lines, key) {
    return this.#call('POST', '/v1/checkouts', { body: { lines, ui: 'elements' }, key });
  }

  order(id) {
    return this.#call('GET', `/v1/orders/${id}`);
  }

  // The order as soon as the service knows of its payment; as it is, if that takes too long.
  async settled(id) {
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      const order = await this.order(id);
      if (order.status !== 'pending_payment' || Date.now() > until) return order;
      await pause(PAUSE_MS);
    }
  }

  // Sent again until there is an answer that decides: what changes something carries a key, so that it is done once.
  async #call(method, path, { body, key } = {}) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#send(method, path, { body, key });
      } catch (error) {
        const decided = error instanceof Problem && !error.undecided;
        if (decided || attempt === ATTEMPTS) throw error;
      }
      await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1));
    }
  }

  async #send(method, path, { body, key }) {
    const headers = { authorization: `Bearer ${this.#token}` };
    if (body) headers['content-type'] = 'application/json';
    if (key) headers['idempotency-key'] = key;
    const answer = await fetch(new URL(path, this.#api), { method, headers, body: body && JSON.stringify(body) });
    const answered = await answer.json();
    if (!answer.ok) throw new Problem(answered);
    return answered;
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Where Stripe counts minor units otherwise than ISO 4217.
const STRIPE_DECIMALS = { isk: 2, ugx: 2, mga: 0 };

// "$50.00": amounts are in minor units, and the currency says how many make one.
export function text({ amount, currency }) {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  const decimals = STRIPE_DECIMALS[currency] ?? format.resolvedOptions().maximumFractionDigits;
  return format.format(amount / 10 ** decimals);
}

export const sum = (prices) => ({
  amount: prices.reduce((total, { amount }) => total + amount, 0),
  currency: prices[0].currency,
});
