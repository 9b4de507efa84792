// A shop in a browser: choose, check out, pay. Souk has the prices and the order; the card goes from Stripe's frame to
// Stripe. Whether an order is paid, Souk says: what Stripe.js answers, or the address says after a redirect, is a hint.

import { Problem, Souk, sum, text } from './souk.js';

const at = (id) => document.getElementById(id);
const TILES = ['#0a5c4a', '#8a4b2a', '#2f4a7c', '#7a3b69', '#6b6a1f'];
const APPEARANCE = { theme: 'stripe', variables: { colorPrimary: '#0a5c4a', borderRadius: '8px' } };

let config;
let souk;
const cart = new Map();

start().catch((error) => {
  say('');
  at('status').className = 'error';
  say(error.message);
});

async function start() {
  // 1. Who serves this page says where Souk is, who buys, and which Stripe.js to load.
  const answer = await fetch('config.json');
  config = await answer.json();
  if (!answer.ok) throw new Error(config.detail ?? 'The shop is not open.');
  souk = new Souk(config);

  // 2. An order that was begun, or is back from the bank; else the shop.
  const address = new URL(location.href);
  const order = address.searchParams.get('order');
  if (order) await goOn(order, address);
  else await openShop();
}

function say(words) {
  at('status').textContent = words;
}

function show(section) {
  for (const { id } of document.querySelectorAll('main > section')) at(id).hidden = id !== section;
  say('');
  scrollTo(0, 0);
}

function element(tag, fields = {}, ...children) {
  const { dataset = {}, ...rest } = fields;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, dataset);
  made.append(...children);
  return made;
}

// --- Choosing

async function openShop() {
  const listings = await souk.listings();
  at('products').replaceChildren(...listings.map(product));
  show('shop');
  if (listings.length === 0) await explainEmptyShop();
  drawCart();
}

function explainEmptyShop() {
  say('Nothing is on sale.');
  if (!config.onboarding_url) return;
  const link = element('a', { href: config.onboarding_url, textContent: 'Onboard the seller' });
  at('status').append(' ', link, ', then reload this page.');
}

function product(listing, index) {
  const picture = element('div', { className: 'picture', ariaHidden: 'true', textContent: listing.title[0] });
  picture.style.background = TILES[index % TILES.length];
  const count = element('output', { textContent: '0', ariaLabel: `${listing.title}: quantity` });
  const button = (sign, label, step) =>
    element('button', {
      type: 'button',
      textContent: sign,
      ariaLabel: `${label} ${listing.title}`,
      disabled: step < 0,
      onclick() {
        const quantity = (cart.get(listing.id)?.quantity ?? 0) + step;
        if (quantity > 0) cart.set(listing.id, { listing, quantity });
        else cart.delete(listing.id);
        count.textContent = quantity;
        less.disabled = quantity === 0;
        drawCart();
      },
    });
  const less = button('−', 'Remove one', -1);
  const more = button('+', 'Add one', 1);
  const words = element('div', {}, element('h2', { textContent: listing.title }), element('p', { textContent: text(listing.price) }));
  return element('li', { className: 'product' }, picture, words, element('div', { className: 'quantity' }, less, count, more));
}

function line(title, quantity, amount) {
  return element('li', {}, element('span', { textContent: `${quantity} × ${title}` }), element('span', { textContent: text(amount) }));
}

// What it will cost as far as this page can tell; the order says it for certain.
function drawCart() {
  const chosen = [...cart.values()].map(({ listing, quantity }) => ({
    title: listing.title,
    quantity,
    amount: { ...listing.price, amount: listing.price.amount * quantity },
  }));
  at('cart-lines').replaceChildren(...chosen.map(({ title, quantity, amount }) => line(title, quantity, amount)));
  at('cart-empty').hidden = chosen.length > 0;
  at('cart-total').textContent = chosen.length > 0 ? text(sum(chosen.map(({ amount }) => amount))) : '–';
  at('cart-error').textContent = '';
  at('check-out').disabled = chosen.length === 0;
  // Another cart is another order.
  checkOutKey = crypto.randomUUID();
}

// --- Checking out

let checkOutKey;

at('check-out').onclick = async () => {
  at('check-out').disabled = true;
  at('cart-error').textContent = '';
  const lines = [...cart.values()].map(({ listing, quantity }) => ({ listing_id: listing.id, quantity }));
  try {
    const order = await souk.checkOut(lines, checkOutKey);
    history.pushState({}, '', `?order=${order.id}`);
    await openPayment(order);
  } catch (error) {
    // Refused: the next attempt is another. No answer, or none yet: the same key finds what became of it.
    if (error instanceof Problem && !error.undecided) checkOutKey = crypto.randomUUID();
    at('cart-error').textContent = error instanceof Problem ? error.message : 'No answer. Check your connection and try again.';
  }
  at('check-out').disabled = false;
};

// Back and forth in the browser.
addEventListener('popstate', () => location.reload());

// --- Paying

async function goOn(id, address) {
  const order = await souk.order(id);
  const secret = address.searchParams.get('payment_intent_client_secret');
  // The secret is not for the address bar, nor for the history.
  history.replaceState({}, '', `?order=${id}`);
  if (order.status !== 'pending_payment') return showResult(order);
  if (!secret) return openPayment(order);
  const stripe = await stripeOf(order);
  const { paymentIntent, error } = await stripe.retrievePaymentIntent(secret);
  const failure = error ?? (paymentIntent.status === 'requires_payment_method' && paymentIntent.last_payment_error);
  if (failure) return openPayment(order, wordsFor(failure));
  return showSettled(id);
}

async function stripeOf({ payment }) {
  if (!window.Stripe) {
    await new Promise((resolve, reject) => {
      const failed = () => reject(new Error('Stripe.js did not load. Check your connection and reload this page.'));
      document.head.append(element('script', { src: config.stripe_js, onload: resolve, onerror: failed }));
    });
  }
  // A direct charge lives on the seller's account, and Stripe.js must look there.
  return window.Stripe(payment.publishable_key, payment.stripe_account ? { stripeAccount: payment.stripe_account } : {});
}

async function openPayment(order, failure = '') {
  at('order-lines').replaceChildren(...order.lines.map(({ title, quantity, amount }) => line(title, quantity, amount)));
  at('order-total').textContent = text(order.amount);
  at('payment-error').textContent = failure;
  at('pay-button').disabled = true;
  at('pay-button').textContent = `Pay ${text(order.amount)}`;
  show('pay');

  const stripe = await stripeOf(order);
  const elements = stripe.elements({ clientSecret: order.payment.client_secret, appearance: APPEARANCE });
  const payment = elements.create('payment');
  payment.on('ready', () => (at('pay-button').disabled = false));
  payment.on('loaderror', ({ error }) => (at('payment-error').textContent = error.message));
  payment.on('change', () => (at('payment-error').textContent = ''));
  payment.mount('#payment-element');
  at('payment-form').onsubmit = (event) => {
    event.preventDefault();
    pay(order, stripe, elements);
  };
}

async function pay(order, stripe, elements) {
  const button = at('pay-button');
  const working = (is) => {
    button.disabled = is;
    button.textContent = is ? 'Paying…' : `Pay ${text(order.amount)}`;
  };
  working(true);
  at('payment-error').textContent = '';
  const { error } = await confirm(order, stripe, elements);
  working(false);
  // A field that is wrong says so itself.
  if (error) at('payment-error').textContent = error.type === 'validation_error' ? '' : wordsFor(error);
  else await showSettled(order.id);
}

// What Stripe says of a card is for the buyer; of the bank's question it is not.
function wordsFor({ code, message }) {
  const unconfirmed = code === 'payment_intent_authentication_failure';
  return unconfirmed ? 'Your bank did not confirm the payment. Try again, or use another card.' : message;
}

async function confirm({ id }, stripe, elements) {
  const checked = await elements.submit();
  if (checked.error) return checked;
  const back = new URL(`?order=${id}`, location.href);
  return stripe.confirmPayment({ elements, confirmParams: { return_url: back.href }, redirect: 'if_required' });
}

// --- The end

async function showSettled(id) {
  show('none');
  say('Waiting for the payment…');
  showResult(await souk.settled(id));
}

const RESULTS = {
  paid: ['ok', '✓', 'Thank you', 'Your payment arrived.'],
  authorized: ['ok', '✓', 'Thank you', 'Your bank set the amount aside; it is taken when the order ships.'],
  processing: ['wait', '…', 'Your payment is on its way', 'Your bank takes some days. You need do nothing.'],
  pending_payment: ['wait', '…', 'We are waiting for your payment', 'Reload this page in a moment.'],
  canceled: ['bad', '×', 'This order was canceled', 'Nothing was taken.'],
};

function showResult(order) {
  const [kind, mark, title, words] = RESULTS[order.status] ?? RESULTS.paid;
  at('result-mark').dataset.kind = kind;
  at('result-mark').textContent = mark;
  at('result-title').textContent = title;
  at('result-text').textContent = words;
  at('result-order').textContent = order.id;
  at('result-amount').textContent = text(order.amount);
  show('result');
  at('result-title').focus();
}
