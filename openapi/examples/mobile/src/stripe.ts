// What Stripe's SDK for phones does at Stripe, as far as this flow needs it. An app uses the SDK itself
// (https://docs.stripe.com/payments/accept-a-payment?platform=ios): it has the sheet with the card's fields, wallets,
// and the bank's question in a browser of its own. All it is given is in the order's `payment`.

import type { Order } from './souk.js';

export type Payment = NonNullable<Order['payment']>;

/** The card was declined, or the bank did not believe the buyer; the order can be paid with another card. */
export class Declined extends Error {
  readonly code: string;
  readonly declineCode: string | undefined;

  constructor(error: { code: string; decline_code?: string; message: string }) {
    super(error.message);
    this.name = 'Declined';
    this.code = error.code;
    this.declineCode = error.decline_code;
  }
}

interface Intent {
  status: string;
  next_action: { redirect_to_url?: { url: string } } | null;
  last_payment_error: { code: string; decline_code?: string; message: string } | null;
}

export class StripeSdk {
  readonly #base: string;
  readonly #openBrowser: (url: string) => Promise<void>;
  readonly #returnUrl: string;

  /** `openBrowser` shows the bank's page, and returns when the buyer is back at `returnUrl`. */
  constructor(base: string, returnUrl: string, openBrowser: (url: string) => Promise<void>) {
    this.#base = base;
    this.#returnUrl = returnUrl;
    this.#openBrowser = openBrowser;
  }

  /** Confirms the payment with a payment method; answers with the status, such as `succeeded`. */
  async confirm(payment: Payment, paymentMethod: string): Promise<string> {
    const form = { payment_method: paymentMethod, return_url: this.#returnUrl };
    let intent = await this.#call('POST', payment, '/confirm', form);
    const page = intent.next_action?.redirect_to_url?.url;
    if (intent.status === 'requires_action' && page !== undefined) {
      await this.#openBrowser(page);
      intent = await this.#call('GET', payment, '', {});
    }
    if (intent.status === 'requires_payment_method' && intent.last_payment_error) {
      throw new Declined(intent.last_payment_error);
    }
    return intent.status;
  }

  /** With the publishable key and the client secret, as whoever holds both may do it. */
  async #call(method: 'GET' | 'POST', payment: Payment, what: string, form: Record<string, string>): Promise<Intent> {
    const { client_secret, publishable_key, stripe_payment_intent_id: id, stripe_account } = payment;
    if (client_secret === undefined || id === undefined) throw new Error('the order takes no payment any more');
    const fields = new URLSearchParams({ ...form, client_secret });
    const url = new URL(`/v1/payment_intents/${id}${what}`, this.#base);
    if (method === 'GET') url.search = fields.toString();
    // A direct charge lives on the seller's account.
    const account: Record<string, string> = stripe_account === undefined ? {} : { 'stripe-account': stripe_account };
    const headers = { authorization: `Bearer ${publishable_key}`, ...account };
    const answer = await fetch(url, method === 'GET' ? { headers } : { method, headers, body: fields });
    const body = await answer.json();
    if (answer.status === 402) throw new Declined(body.error);
    if (!answer.ok) throw new Error(`Stripe: ${body.error.message}`);
    return body;
  }
}
