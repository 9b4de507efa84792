// The app: signs in, buys, waits until the service says that the order is paid, lists what was bought.

import { randomUUID } from 'node:crypto';
import { Declined, type StripeSdk } from './stripe.js';
import { pause, Souk, type Buyer, type CheckoutLine, type Order } from './souk.js';

/** How long to wait for the payment to reach the service, and how often to ask. */
const PATIENCE_MS = 30_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

export class App {
  readonly buyer: Buyer;
  readonly souk: Souk;
  readonly #stripe: StripeSdk;

  private constructor(buyer: Buyer, souk: Souk, stripe: StripeSdk) {
    this.buyer = buyer;
    this.souk = souk;
    this.#stripe = stripe;
  }

  /** The token comes from the marketplace's own sign-in, which issues it for one buyer. */
  static async signIn(address: string, token: string, stripe: StripeSdk): Promise<App> {
    const souk = new Souk(address, token);
    return new App(await souk.buyer(subjectOf(token)), souk, stripe);
  }

  checkOut(lines: CheckoutLine[], key: string = randomUUID()): Promise<Order> {
    return this.souk.checkOut(lines, key);
  }

  /** Pays with the first card that is not declined, and waits until the service knows. */
  async pay(order: Order, cards: string[], declined: (why: Declined) => void = () => {}): Promise<Order> {
    if (order.payment === undefined) throw new Error('this order is not the buyer\'s to pay');
    for (const [index, card] of cards.entries()) {
      try {
        await this.#stripe.confirm(order.payment, card);
        return await this.paid(order.id);
      } catch (error) {
        if (!(error instanceof Declined) || index === cards.length - 1) throw error;
        declined(error);
      }
    }
    throw new Error('no card to pay with');
  }

  /** What Stripe's SDK says is a hint; paid is what the service says is paid. */
  async paid(id: string): Promise<Order> {
    const until = Date.now() + PATIENCE_MS;
    for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(wait * 2, LONGEST_PAUSE_MS)) {
      const order = await this.souk.order(id);
      if (order.status !== 'pending_payment') return order;
      if (Date.now() > until) throw new Error(`${id} is not paid after ${PATIENCE_MS / 1000} s`);
      await pause(wait);
    }
  }
}

/** Whom a token names. The app reads it and trusts it with nothing; the service checks it. */
function subjectOf(token: string): string {
  const [, claims] = token.split('.');
  if (claims === undefined) throw new Error('this is no token');
  return JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')).sub;
}
