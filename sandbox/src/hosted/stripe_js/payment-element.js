// The frame of the Payment Element: asks for the card, and confirms with it. The page that holds it sends
// `{ id, ask, params }` over a port of its own and gets `{ id, answer }`; what happens here it hears as
// `{ event, detail }`.

import { call, confirm, intentOf, retrieve } from './api.js';
import { brandOf, errorsOf, expiryOf, formatCode, formatExpiry, formatNumber } from './card.js';

const form = document.getElementById('card');
const inputs = { number: form.elements.number, expiry: form.elements.expiry, code: form.elements.code };
const brand = document.getElementById('brand');
const THEMES = ['stripe', 'flat', 'night'];

let port;
let caller;

// Whoever embeds the frame says hello once, and hands over the other end of its port.
addEventListener('message', async ({ data, source, ports: [given] }) => {
  if (port || source !== parent || data?.hello !== 'payment-element') return;
  port = given;
  port.onmessage = ({ data: { id, ask, params } }) => answer(ask, params).then((answer) => port.postMessage({ id, answer }));
  caller = data.caller;
  dress(data.appearance ?? {});
  new ResizeObserver(() => tell('resize', { height: document.documentElement.offsetHeight })).observe(document.documentElement);
  const { error } = data.clientSecret ? await retrieve(caller, data.clientSecret) : {};
  if (error) tell('loaderror', { error });
  else tell('ready', {});
});

function tell(event, detail) {
  port?.postMessage({ event, detail });
}

// The page's colours and fonts, as far as the style sheet has them.
function dress({ theme, variables = {} }) {
  const root = document.documentElement;
  if (THEMES.includes(theme)) root.dataset.theme = theme;
  for (const [name, value] of Object.entries(variables)) {
    if (/^[a-zA-Z]+$/.test(name)) root.style.setProperty(`--${name}`, String(value));
  }
}

const values = () => Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value]));

// Puts the text in its form, and the caret behind the digit that it was behind.
function typed(input, format) {
  const before = input.value.slice(0, input.selectionStart).replace(/\D/g, '').length;
  const atEnd = input.selectionStart === input.value.length;
  input.value = format(input.value);
  if (atEnd) return;
  let place = 0;
  for (let seen = 0; seen < before && place < input.value.length; place += 1) {
    if (/\d/.test(input.value[place])) seen += 1;
  }
  input.setSelectionRange(place, place);
}

const formats = { number: formatNumber, expiry: formatExpiry, code: (text) => formatCode(text, inputs.number.value) };

function show(name, error) {
  document.getElementById(`${name}-error`).textContent = error?.message ?? '';
  inputs[name].setAttribute('aria-invalid', error ? 'true' : 'false');
}

for (const [name, input] of Object.entries(inputs)) {
  input.addEventListener('input', (event) => {
    // Who deletes the slash of the date deletes the digit before it.
    const deletes = event.inputType === 'deleteContentBackward' && /^\d\d ?\/?$/.test(input.value);
    if (name === 'expiry' && deletes) input.value = input.value.slice(0, 1);
    else typed(input, formats[name]);
    brand.textContent = brandOf(inputs.number.value).name;
    show(name, undefined);
    const errors = Object.values(errorsOf(values())).filter(Boolean);
    const empty = Object.values(inputs).every(({ value }) => value === '');
    tell('change', { elementType: 'payment', empty, complete: errors.length === 0, collapsed: false, value: { type: 'card' } });
  });
  input.addEventListener('blur', () => {
    if (input.value !== '') show(name, errorsOf(values())[name]);
    tell('blur', { elementType: 'payment' });
  });
  input.addEventListener('focus', () => tell('focus', { elementType: 'payment' }));
}

// Enter in a field is the page's to act on: it has the button.
form.addEventListener('submit', (event) => event.preventDefault());

// Marks what is wrong, and leads to the first of it.
function validate() {
  const errors = errorsOf(values());
  for (const name of Object.keys(inputs)) show(name, errors[name]);
  const wrong = Object.keys(inputs).find((name) => errors[name]);
  if (!wrong) return undefined;
  inputs[wrong].focus();
  return { type: 'validation_error', ...errors[wrong] };
}

// The card as parameters of a payment method; what the page adds goes along.
function method(more = {}) {
  const { month, year } = expiryOf(inputs.expiry.value);
  const number = inputs.number.value.replace(/\D/g, '');
  return { ...more, type: 'card', card: { number, exp_month: month, exp_year: year, cvc: inputs.code.value } };
}

async function answer(ask, params) {
  if (ask === 'update') return dress(params.appearance ?? {});
  if (ask === 'focus') return inputs.number.focus();
  if (ask === 'clear') return form.reset();
  const error = validate();
  if (ask === 'submit' || error) return { error };
  if (ask === 'createPaymentMethod') return call(caller, 'POST', 'payment_methods', method(params.params));
  const { payment_method_data: more, ...rest } = params.confirmParams;
  const answered = await confirm(caller, params.clientSecret, { ...rest, payment_method_data: method(more) });
  if (answered.error) mark(answered.error, params.clientSecret);
  return answered;
}

// A refusal that is about one field stands there.
function mark({ code, message }, clientSecret) {
  const field = { incorrect_number: 'number', invalid_number: 'number', invalid_expiry_month: 'expiry', invalid_expiry_year: 'expiry', expired_card: 'expiry', incorrect_cvc: 'code', invalid_cvc: 'code' }[code];
  if (field && intentOf(clientSecret)) show(field, { message });
}
