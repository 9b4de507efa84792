// A stand-in for Stripe.js (https://docs.stripe.com/js) that talks to the sandbox it was loaded from. It has what a page
// with a Payment Element needs; what Stripe.js has beyond that is not there, and calling it throws as any missing
// function does.
(() => {
  'use strict';

  const base = new URL('.', document.currentScript.src);
  const api = import(new URL('api.js', base));

  class IntegrationError extends Error {
    name = 'IntegrationError';
  }

  const never = () => new Promise(() => {});

  function required(condition, message) {
    if (!condition) throw new IntegrationError(message);
  }

  // Goes to another page: whoever waits for the promise is gone by then.
  function leave(url) {
    location.assign(url);
    return never();
  }

  // One payment element: a frame, and a port to it.
  class PaymentElement {
    #caller;
    #group;
    #frame;
    #port;
    #asked = new Map();
    #listeners = [];
    #loaded;
    #ready = new Promise((resolve) => (this.#loaded = resolve));

    constructor(caller, group) {
      this.#caller = caller;
      this.#group = group;
    }

    mount(place) {
      const parent = typeof place === 'string' ? document.querySelector(place) : place;
      required(parent instanceof Element, `Invalid DOM element ${place}: mount to one that is on the page.`);
      required(!this.#frame, 'This Element is mounted already.');
      this.#frame = document.createElement('iframe');
      this.#frame.title = 'Secure payment input frame';
      this.#frame.src = new URL('payment-element.html', base);
      // A little wider than the place, as the fields' outlines need room.
      Object.assign(this.#frame.style, { border: '0', display: 'block', margin: '-4px', width: 'calc(100% + 8px)', height: '0' });
      this.#frame.addEventListener('load', () => this.#greet());
      parent.append(this.#frame);
    }

    unmount() {
      this.#frame?.remove();
      this.#frame = undefined;
      this.#port?.close();
    }

    destroy() {
      this.unmount();
      this.#group.forget();
    }

    on(event, listener) {
      this.#listeners.push({ event, listener });
      return this;
    }

    once(event, listener) {
      const entry = { event, listener: (detail) => (this.off(event, entry.listener), listener(detail)) };
      this.#listeners.push(entry);
      return this;
    }

    off(event, listener) {
      const fits = (entry) => entry.event === event && (!listener || entry.listener === listener);
      this.#listeners = this.#listeners.filter((entry) => !fits(entry));
      return this;
    }

    focus() {
      this.ask('focus');
    }

    clear() {
      this.ask('clear');
    }

    #greet() {
      const { port1, port2 } = new MessageChannel();
      this.#port = port1;
      port1.onmessage = ({ data }) => this.#hear(data);
      const { clientSecret, appearance } = this.#group.options;
      const hello = { hello: 'payment-element', caller: this.#caller, clientSecret, appearance };
      this.#frame.contentWindow.postMessage(hello, base.origin, [port2]);
      this.#loaded();
    }

    #hear({ id, answer, event, detail }) {
      if (id !== undefined) {
        this.#asked.get(id)?.(answer);
        this.#asked.delete(id);
      } else if (event === 'resize') {
        if (this.#frame) this.#frame.style.height = `${detail.height}px`;
      } else {
        const heard = this.#listeners.filter((entry) => entry.event === event);
        for (const { listener } of heard) listener({ ...detail, elementType: 'payment' });
      }
    }

    // Asks the frame to do something, and waits for its answer.
    async ask(ask, params = {}) {
      required(this.#frame, 'Mount the Payment Element before you use it.');
      await this.#ready;
      const id = crypto.randomUUID();
      return new Promise((resolve) => {
        this.#asked.set(id, resolve);
        this.#port.postMessage({ id, ask, params });
      });
    }
  }

  class Elements {
    #caller;
    #element;

    constructor(caller, options) {
      this.#caller = caller;
      this.options = options;
    }

    create(type) {
      required(type === 'payment', `The sandbox's stand-in for Stripe.js has no ${type} Element, only the Payment Element.`);
      required(!this.#element, 'Can only create one Element of type payment.');
      this.#element = new PaymentElement(this.#caller, this);
      return this.#element;
    }

    getElement() {
      return this.#element ?? null;
    }

    forget() {
      this.#element = undefined;
    }

    update(options) {
      Object.assign(this.options, options);
      this.#element?.ask('update', options);
    }

    // Whether everything is filled in: `{}`, or `{ error }` for the first field that is not.
    async submit() {
      const { error } = await this.payment().ask('submit');
      return error ? { error } : {};
    }

    payment() {
      required(this.#element, 'elements should have a mounted Payment Element.');
      return this.#element;
    }
  }

  // The bank's page in a dialog over the shop's. Each step of it is a page that loads; the intent then says whether
  // the bank has decided.
  async function challenge(caller, clientSecret, url) {
    const { retrieve } = await api;
    const dialog = document.createElement('dialog');
    dialog.setAttribute('aria-label', 'Your bank asks');
    Object.assign(dialog.style, { padding: '0', border: '0', borderRadius: '12px', width: 'min(36rem, 94vw)', height: 'min(27rem, 90vh)' });
    const frame = document.createElement('iframe');
    Object.assign(frame.style, { border: '0', width: '100%', height: '100%' });
    Object.assign(frame, { title: 'Your bank', src: url });
    dialog.append(frame);
    dialog.addEventListener('cancel', (event) => event.preventDefault());
    const decided = new Promise((resolve) => {
      frame.addEventListener('load', async () => {
        const answer = await retrieve(caller, clientSecret);
        if (answer.object?.status !== 'requires_action') resolve(answer);
      });
    });
    document.body.append(dialog);
    dialog.showModal();
    const answer = await decided;
    dialog.remove();
    return answer;
  }

  // What Stripe.js tells the buyer where the API speaks to the platform.
  const UNAUTHENTICATED = 'We are unable to authenticate your payment method. Please choose a different payment method and try again.';
  const MESSAGES = {
    payment_intent_authentication_failure: UNAUTHENTICATED,
    setup_intent_authentication_failure: UNAUTHENTICATED,
  };

  // Does what the intent waits for, and answers with it as it is then.
  async function act(caller, clientSecret, { object, error }) {
    const action = object?.status === 'requires_action' ? object.next_action : undefined;
    if (action?.type === 'redirect_to_url') return leave(action.redirect_to_url.url);
    const answer = action ? await challenge(caller, clientSecret, action.use_stripe_sdk.stripe_js) : { object, error };
    const failed = answer.object?.last_payment_error ?? answer.object?.last_setup_error;
    if (answer.object?.status !== 'requires_payment_method' || !failed) return answer;
    const message = MESSAGES[failed.code] ?? failed.message;
    return { error: { ...failed, message, [answer.object.object]: answer.object } };
  }

  const STATUS = { succeeded: 'succeeded', requires_capture: 'succeeded', processing: 'pending' };

  // Where the buyer comes back to, with what has become of the intent.
  function returnUrl(url, intent) {
    const back = new URL(url);
    back.searchParams.set(intent.object, intent.id);
    back.searchParams.set(`${intent.object}_client_secret`, intent.client_secret);
    back.searchParams.set('redirect_status', STATUS[intent.status] ?? 'failed');
    return back;
  }

  class StandIn {
    #caller;

    constructor(key, { stripeAccount } = {}) {
      required(typeof key === 'string' && key !== '', 'Missing value for Stripe(): apiKey should be a string.');
      required(key.startsWith('pk_'), 'You should not use your secret key with Stripe.js.');
      this.#caller = { key, account: stripeAccount };
    }

    elements(options = {}) {
      return new Elements(this.#caller, { ...options });
    }

    confirmPayment(options) {
      return this.#confirm('paymentIntent', options);
    }

    confirmSetup(options) {
      return this.#confirm('setupIntent', options);
    }

    retrievePaymentIntent(clientSecret) {
      return this.#retrieve('paymentIntent', clientSecret);
    }

    retrieveSetupIntent(clientSecret) {
      return this.#retrieve('setupIntent', clientSecret);
    }

    async handleNextAction({ clientSecret }) {
      const { retrieve } = await api;
      const noun = await this.#noun(clientSecret);
      const { object, error } = await act(this.#caller, clientSecret, await retrieve(this.#caller, clientSecret));
      return error ? { error } : { [noun]: object };
    }

    async createPaymentMethod({ elements, params = {} }) {
      const { object, error } = await elements.payment().ask('createPaymentMethod', { params });
      return error ? { error } : { paymentMethod: object };
    }

    async #confirm(noun, { elements, clientSecret = elements?.options.clientSecret, confirmParams = {}, redirect = 'always' }) {
      required((await this.#noun(clientSecret)) === noun, `The clientSecret is not one of a ${noun}.`);
      const { return_url: back } = confirmParams;
      required(redirect === 'if_required' || back, 'You must pass a return_url in confirmParams, or redirect: "if_required".');
      const { confirm } = await api;
      const answer = elements
        ? await elements.payment().ask('confirm', { clientSecret, confirmParams })
        : await confirm(this.#caller, clientSecret, confirmParams);
      const { object, error } = await act(this.#caller, clientSecret, answer);
      if (error) return { error };
      return redirect === 'if_required' ? { [noun]: object } : leave(returnUrl(back, object));
    }

    async #retrieve(noun, clientSecret) {
      required((await this.#noun(clientSecret)) === noun, `The clientSecret is not one of a ${noun}.`);
      const { retrieve } = await api;
      const { object, error } = await retrieve(this.#caller, clientSecret);
      return error ? { error } : { [noun]: object };
    }

    async #noun(clientSecret) {
      const { intentOf } = await api;
      const intent = intentOf(clientSecret ?? '');
      required(intent, 'The clientSecret should be of the form ${id}_secret_${secret}.');
      return intent.noun;
    }
  }

  window.Stripe = (key, options) => new StandIn(key, options);
  window.Stripe.version = 'sandbox';
})();
