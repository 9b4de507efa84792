// Souk as a buyer's app sees it: a typed client over the types that openapi-typescript makes of openapi/souk.json.

import createClient, { type Client, type FetchResponse } from 'openapi-fetch';
import type { components, paths } from './generated/souk.js';

export type Buyer = components['schemas']['Buyer'];
export type Listing = components['schemas']['Listing'];
export type Order = components['schemas']['Order'];
export type Money = components['schemas']['Money'];
export type CheckoutLine = components['schemas']['CheckoutLine'];
type ProblemDocument = components['schemas']['Problem'];

/** What the service refused. Programs branch on `code`; `message` is for people. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  /** Nothing is decided: Stripe or the database did not answer, or the same request is still under way. */
  readonly undecided: boolean;

  constructor(document: ProblemDocument) {
    super([document.detail, ...document.errors.map((error) => error.detail)].join(' '));
    this.name = 'Problem';
    this.status = document.status;
    this.code = document.code;
    this.undecided = document.status === 503 || document.code === 'idempotency_key_in_use';
  }
}

/** How often a request is sent, and how long to wait before the second time; then twice as long each time. */
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 250;

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Souk {
  readonly #api: Client<paths>;

  constructor(address: string, token: string) {
    this.#api = createClient<paths>({ baseUrl: address, headers: { authorization: `Bearer ${token}` } });
  }

  /** Whose token it is; a token that is not good fails here, before anything is bought. */
  buyer(buyer_id: string): Promise<Buyer> {
    return answered(() => this.#api.GET('/v1/buyers/{buyer_id}', { params: { path: { buyer_id } } }));
  }

  async listings(): Promise<Listing[]> {
    const page = await answered(() => this.#api.GET('/v1/listings', { params: { query: { limit: 50 } } }));
    return page.data;
  }

  /**
   * Creates the order and the payment that will pay it. One key for one wish: sent again, because the train went
   * into a tunnel, it finds what it did the first time and does nothing twice.
   */
  checkOut(lines: CheckoutLine[], key: string): Promise<Order> {
    const header = { 'Idempotency-Key': key };
    return answered(() => this.#api.POST('/v1/checkouts', { params: { header }, body: { lines, ui: 'elements' } }));
  }

  order(order_id: string): Promise<Order> {
    return answered(() => this.#api.GET('/v1/orders/{order_id}', { params: { path: { order_id } } }));
  }

  /** The buyer's orders, newest first, over all pages. */
  async *orders(): AsyncGenerator<Order> {
    let cursor: string | undefined;
    do {
      const query = { limit: 50, ...(cursor === undefined ? {} : { cursor }) };
      const page = await answered(() => this.#api.GET('/v1/orders', { params: { query } }));
      yield* page.data;
      cursor = page.next_cursor;
    } while (cursor !== undefined);
  }
}

/**
 * Sent again until there is an answer that decides: what changes something carries a key, so that it is done once.
 * A refusal is a `Problem`.
 */
async function answered<T extends Record<string | number, unknown>, O, M extends `${string}/${string}`>(
  send: () => Promise<FetchResponse<T, O, M>>,
): Promise<NonNullable<FetchResponse<T, O, M>['data']>> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { data, error } = await send();
      if (data !== undefined) return data as NonNullable<FetchResponse<T, O, M>['data']>;
      throw new Problem(error as ProblemDocument);
    } catch (error) {
      const decided = error instanceof Problem && !error.undecided;
      if (decided || attempt === ATTEMPTS) throw error;
    }
    await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1));
  }
}
