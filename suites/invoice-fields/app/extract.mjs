// A small extractor: reads an e-mail with an invoice and prints its fields as JSON.
// Reads one request as JSON on standard input. Option: --numbers auto|us (how thousands and decimals are read).

import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { numbers: { type: 'string' } } });
const US_ONLY = values.numbers === 'us';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const CURRENCIES = { '€': 'EUR', EUR: 'EUR', $: 'USD', USD: 'USD', '£': 'GBP', GBP: 'GBP', CHF: 'CHF' };
const two = (number) => String(number).padStart(2, '0');

/** ISO date of `12 March 2026`, `March 12, 2026`, `12.03.2026` or `2026-03-12`; null when there is none. */
function dateIn(text) {
  const iso = /(\d{4})-(\d{2})-(\d{2})/.exec(text);
  if (iso) return iso[0];
  const dotted = /(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})/.exec(text);
  if (dotted) return `${dotted[3]}-${two(dotted[2])}-${two(dotted[1])}`;
  const named = /(\d{1,2})(?:st|nd|rd|th)? ([A-Z][a-z]{2})[a-z]* (\d{4})/.exec(text);
  if (named) return `${named[3]}-${two(MONTHS.indexOf(named[2].toLowerCase()) + 1)}-${two(named[1])}`;
  const us = /([A-Z][a-z]{2})[a-z]* (\d{1,2})(?:st|nd|rd|th)?, (\d{4})/.exec(text);
  if (us) return `${us[3]}-${two(MONTHS.indexOf(us[1].toLowerCase()) + 1)}-${two(us[2])}`;
  return null;
}

/** `1.234,50` and `1,234.50` are both 1234.5, and `1'234.50` too. */
function numberOf(text) {
  const plain = text.replace(/['’ ]/g, '');
  const european = /,\d{2}$/.test(plain);
  if (european && !US_ONLY) return Number(plain.replaceAll('.', '').replace(',', '.'));
  return Number(plain.replaceAll(',', ''));
}

const AMOUNT = String.raw`(€|\$|£|EUR|USD|GBP|CHF)?\s?(\d[\d.,'’]*\d|\d)\s?(€|\$|£|EUR|USD|GBP|CHF)?`;

function totalIn(text) {
  const labels = [
    'grand total',
    'total due',
    'amount due',
    'total amount',
    'to pay',
    'gesamtbetrag',
    'total',
  ];
  for (const label of labels) {
    const found = new RegExp(`\\b${label}\\b[^\\d€$£\\n]{0,24}?${AMOUNT}`, 'i').exec(text);
    if (found === null) continue;
    return { total: numberOf(found[2]), currency: CURRENCIES[found[1] ?? found[3]] ?? null };
  }
  return { total: null, currency: null };
}

function lineAfter(text, pattern) {
  return new RegExp(pattern, 'im').exec(text)?.[1]?.trim() ?? null;
}

let input = '';
for await (const chunk of process.stdin) input += chunk;
const text = JSON.parse(input).vars.email;
const due = lineAfter(
  text,
  String.raw`(?:due|payable|pay|zahlbar)[^\n]*?(?:by|on|bis|date:?|before)\s([^\n]+)`,
);
const dated = lineAfter(text, String.raw`(?:invoice date|date|dated|datum)[:\s]+([^\n]+)`);
const fields = {
  vendor: lineAfter(text, String.raw`^from:\s*([^<\n]+)`),
  number: lineAfter(
    text,
    String.raw`(?:invoice|rechnung|bill)\s*(?:no\.?|number|nr\.?|#)\s*:?\s*([A-Z0-9][A-Z0-9/-]+)`,
  ),
  date: dated === null ? null : dateIn(dated),
  due: due === null ? null : dateIn(due),
  ...totalIn(text),
};
console.log(JSON.stringify({ output: JSON.stringify(fields), model: 'field-rules-1', cost_usd: 0 }));
