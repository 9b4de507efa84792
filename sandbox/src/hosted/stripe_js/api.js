// Calls of Stripe's API, as a buyer's app may make them: with the publishable key, and an intent's client secret.

// One call; answers with `{ object }` or `{ error }`, and never throws.
export async function call({ key, account }, method, path, params = {}) {
  const url = new URL(`/v1/${path}`, import.meta.url);
  const headers = { authorization: `Bearer ${key}` };
  if (account) headers['stripe-account'] = account;
  const form = new URLSearchParams(fields(params));
  const request = { method, headers };
  if (method === 'GET') url.search = form;
  else request.body = form;
  try {
    const answer = await fetch(url, request);
    const body = await answer.json();
    return answer.ok ? { object: body } : { error: body.error };
  } catch {
    const message = 'We are experiencing issues connecting to our payments provider. Please try again.';
    return { error: { type: 'api_connection_error', message } };
  }
}

// Stripe's form encoding: { a: { b: 1 }, c: [2] } is a[b]=1 and c[0]=2.
function fields(params, within = '') {
  return Object.entries(params).flatMap(([name, value]) => {
    const path = within ? `${within}[${name}]` : name;
    if (value === undefined || value === null) return [];
    return typeof value === 'object' ? fields(value, path) : [[path, String(value)]];
  });
}

// What a client secret is for: `{ noun, path }`, the noun as Stripe.js calls it; nothing if it is none.
export function intentOf(clientSecret) {
  const [, id] = /^((?:pi|seti)_[A-Za-z0-9]+)_secret_[A-Za-z0-9]+$/.exec(clientSecret) ?? [];
  if (!id) return undefined;
  return id.startsWith('pi_')
    ? { noun: 'paymentIntent', path: `payment_intents/${id}` }
    : { noun: 'setupIntent', path: `setup_intents/${id}` };
}

export function retrieve(caller, clientSecret) {
  const { path } = intentOf(clientSecret);
  return call(caller, 'GET', path, { client_secret: clientSecret });
}

export function confirm(caller, clientSecret, params) {
  const { path } = intentOf(clientSecret);
  return call(caller, 'POST', `${path}/confirm`, { ...params, client_secret: clientSecret });
}
