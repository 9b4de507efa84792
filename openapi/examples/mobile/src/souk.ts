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

  constructor(document: ProblemDocument) {
    super([document.detail, ...document.errors.map((error) => error.detail)].join(' '));
    this.name = 'Problem';
    this.status = document.status;
    this.code = document.code;
  }
}

/** How often a request is sent when nobody answers, or Stripe did not answer Souk. */
const ATTEMPTS = 4;
const PAUSE_MS = 250;

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

/** The answer, after another try or two where trying again is safe; else a `Problem`. */
async function answered<T extends Record<string | number, unknown>, O, M extends `${string}/${string}`>(
  send: () => Promise<FetchResponse<T, O, M>>,
): Promise<NonNullable<FetchResponse<T, O, M>['data']>> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await send().catch((lost: unknown) => {
      if (attempt === ATTEMPTS) throw lost;
      return undefined;
    });
    if (answer?.data !== undefined) return answer.data as NonNullable<FetchResponse<T, O, M>['data']>;
    const problem = answer?.error as ProblemDocument | undefined;
    if (problem !== undefined && (problem.status !== 503 || attempt === ATTEMPTS)) throw new Problem(problem);
    await pause(PAUSE_MS * 2 ** attempt);
  }
}
