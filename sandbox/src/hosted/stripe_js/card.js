// What a card's number, date and security code look like, and what is wrong with them. The texts and codes are Stripe's.

const BRANDS = [
  { name: 'Visa', begins: /^4/, lengths: [16], code: 3 },
  { name: 'Mastercard', begins: /^(5[1-5]|2[2-7])/, lengths: [16], code: 3 },
  { name: 'Amex', begins: /^3[47]/, lengths: [15], code: 4, groups: [4, 6, 5] },
  { name: 'Discover', begins: /^(6011|65|64[4-9])/, lengths: [16], code: 3 },
  { name: 'Diners', begins: /^3(0|6|8)/, lengths: [14, 16], code: 3 },
  { name: 'JCB', begins: /^35/, lengths: [16], code: 3 },
  { name: 'UnionPay', begins: /^62/, lengths: [16, 17, 18, 19], code: 3 },
];

const UNKNOWN = { name: '', lengths: [16], code: 3 };

export const digits = (text) => text.replace(/\D/g, '');

export const brandOf = (number) => BRANDS.find((brand) => brand.begins.test(digits(number))) ?? UNKNOWN;

// 4242 4242 4242 4242
export function formatNumber(text) {
  const brand = brandOf(text);
  let rest = digits(text).slice(0, Math.max(...brand.lengths));
  const groups = [];
  for (const length of brand.groups ?? [4, 4, 4, 4, 4]) {
    if (rest) groups.push(rest.slice(0, length));
    rest = rest.slice(length);
  }
  return groups.join(' ');
}

// 12 / 34; a month of one digit is told by what follows it.
export function formatExpiry(text) {
  let typed = digits(text);
  if (/^([2-9]|1 ?\/)/.test(text)) typed = `0${typed}`;
  const [month, year] = [typed.slice(0, 2), typed.slice(2, 4)];
  return year || typed.length > 1 ? `${month} / ${year}` : month;
}

export function formatCode(text, number) {
  return digits(text).slice(0, brandOf(number).code);
}

// Each field's error as `{ code, message }`; nothing where a field is right.
export function errorsOf({ number, expiry, code }, today = new Date()) {
  return { number: numberError(number), expiry: expiryError(expiry, today), code: codeError(code, number) };
}

function numberError(text) {
  const number = digits(text);
  const { lengths } = brandOf(number);
  if (!lengths.includes(number.length)) {
    return { code: 'incomplete_number', message: 'Your card number is incomplete.' };
  }
  if (!addsUp(number)) return { code: 'invalid_number', message: 'Your card number is invalid.' };
  return undefined;
}

function expiryError(text, today) {
  const typed = digits(text);
  const { month, year } = expiryOf(text);
  if (typed.length < 4 || month < 1 || month > 12) {
    return { code: 'incomplete_expiry', message: "Your card's expiration date is incomplete." };
  }
  const past = year < today.getFullYear() || (year === today.getFullYear() && month < today.getMonth() + 1);
  if (past) return { code: 'invalid_expiry_year_past', message: "Your card's expiration date is in the past." };
  return undefined;
}

function codeError(text, number) {
  if (text.length === brandOf(number).code) return undefined;
  return { code: 'incomplete_cvc', message: "Your card's security code is incomplete." };
}

export function expiryOf(text) {
  const typed = digits(text);
  return { month: Number(typed.slice(0, 2)), year: 2000 + Number(typed.slice(2, 4)) };
}

// The check digit of Luhn.
function addsUp(number) {
  const sum = [...number].reverse().reduce((total, digit, place) => {
    const value = Number(digit) * (place % 2 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}
