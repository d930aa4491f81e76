import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonValue } from '../../src/base/json.ts';
import { secretMask, secretValues } from '../../src/base/secrets.ts';

/** Values as keys and tokens look: no brackets, so that none contains the word that replaces it. */
const secret = fc.string({
  unit: fc.constantFrom(...'abcdefXYZ0189-_+/=" \\éß'),
  minLength: 8,
  maxLength: 24,
});

test('no secret survives in a text, alone or beside others', () => {
  fc.assert(
    fc.property(
      fc.array(secret, { minLength: 1, maxLength: 4 }),
      fc.array(fc.string()),
      (secrets, between) => {
        const mask = secretMask(secrets);
        const text = secrets.map((s, i) => `${between[i] ?? ''}${s}`).join('');
        const masked = mask.text(text);
        for (const s of secrets) expect(masked).not.toContain(s);
      },
    ),
  );
});

test('a secret that contains another is hidden whole', () => {
  const mask = secretMask(['hunter22', 'hunter22-production']);
  expect(mask.text('key=hunter22-production;')).toBe('key=[secret];');
  expect(mask.text('key=hunter22;')).toBe('key=[secret];');
});

test('of secrets that overlap, neither is left in one piece', () => {
  const mask = secretMask(['abcdefgh1234', '1234zyxwvuts']);
  const masked = mask.text('<abcdefgh1234zyxwvuts>');
  expect(masked).not.toContain('abcdefgh1234');
  expect(masked).not.toContain('1234zyxwvuts');
});

test('the URL-encoded, JSON-escaped and base64 forms are hidden too', () => {
  const value = 'p@ss "word"/1';
  const mask = secretMask([value]);
  for (const form of [
    encodeURIComponent(value),
    JSON.stringify(value),
    Buffer.from(value, 'utf8').toString('base64'),
  ]) {
    expect(mask.text(`x ${form} y`)).toContain('[secret]');
    expect(mask.text(`x ${form} y`)).not.toContain(form.slice(1, -1));
  }
});

test('a secret is hidden in what base64 makes of it among other bytes, and in URLs of any spelling', () => {
  fc.assert(
    fc.property(secret, fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 }), (value, before, after) => {
      const mask = secretMask([value]);
      const bytes = Buffer.from(`${before}${value}${after}`, 'utf8');
      for (const encoding of ['base64', 'base64url'] as const) {
        const masked = mask.text(`Basic ${bytes.toString(encoding)}`);
        expect(masked).toContain('[secret]');
        // At each end a character may stay that stands for bits of a neighbour, too.
        expect(masked.replace('[secret]', '').length).toBeLessThanOrEqual(
          'Basic '.length + Math.ceil(((before.length + after.length) * 3 * 8) / 6) + 4,
        );
      }
      const lower = encodeURIComponent(value).replaceAll(/%../g, (code) => code.toLowerCase());
      for (const form of [lower, new URLSearchParams({ q: value }).toString()])
        expect(mask.text(`https://shop.example/?${form}`)).toContain('[secret]');
    }),
  );
});

test('JSON is masked in values and keys at any depth, and keeps its shape', () => {
  fc.assert(
    fc.property(secret, (s) => {
      const masked = secretMask([s]).json({ a: [{ [`x${s}`]: [s, 1, null, true] }] });
      expect(masked).toEqual({ a: [{ 'x[secret]': ['[secret]', 1, null, true] }] });
    }),
  );
});

test('a value learnt later is masked from then on; very short ones never are', () => {
  const mask = secretMask([]);
  expect(mask.text('session-9f8e7d6c')).toBe('session-9f8e7d6c');
  mask.add('session-9f8e7d6c');
  mask.add('true');
  expect(mask.text('session-9f8e7d6c is true')).toBe('[secret] is true');
});

test('secrets are known by the name of their variable', () => {
  expect(
    secretValues({
      OPENAI_API_KEY: 'sk-aaaaaaaaaaaa',
      DB_PASSWORD: 'correct horse',
      SENTRY_DSN: 'https://k@host/1',
      HOME: '/home/somebody',
      SHORT_KEY: 'abc',
      EMPTY_TOKEN: undefined,
      GITLAB_PAT: 'glpat-0123456789',
      SMTP_PASS: 'smtp-0123456789',
      GPG_PASSPHRASE: 'a phrase to pass',
      SESSION_JWT: 'eyJhbGciOiJIUzI1NiJ9.e30.x',
      COMPASS: '/home/somebody/compass',
      PWD: '/home/somebody/shop',
      SSH_AUTH_SOCK: '/tmp/ssh-agent.1',
      DATABASE_URL: 'postgres://shop:p%40ssw0rds@db.example.test/shop',
      BASE_URL: 'https://db.example.test:8080/v1@2',
    }),
  ).toEqual([
    ...['sk-aaaaaaaaaaaa', 'correct horse', 'https://k@host/1'],
    ...['glpat-0123456789', 'smtp-0123456789', 'a phrase to pass', 'eyJhbGciOiJIUzI1NiJ9.e30.x'],
    ...['p%40ssw0rds', 'p@ssw0rds'],
  ]);
});

test('a key of any name keeps its value, masked where it holds a secret', () => {
  const mask = secretMask(['hunter22-production']);
  const given = JSON.parse(
    '{"a":1,"__proto__":{"note":"hunter22-production"},"hunter22-production":[null,{"z":"x"}],"last":"hunter22-production!"}',
  ) as JsonValue;
  const masked = mask.json(given);
  expect(JSON.stringify(masked)).toBe(
    '{"a":1,"__proto__":{"note":"[secret]"},"[secret]":[null,{"z":"x"}],"last":"[secret]!"}',
  );
  const clean = JSON.parse('{"__proto__":{"note":"nothing to hide"},"list":[{"deep":["text of eight"]}]}');
  expect(mask.json(clean)).toBe(clean);
});

test('a secret is found hexadecimal, with escaped characters, encoded twice, and as HTML; nothing else is', () => {
  const secret = 'sk-live&é"7/Ab+<x>';
  const mask = secretMask([secret]);
  const escaped = (every: number): string =>
    [...secret]
      .map((c, i) =>
        i % every === 0
          ? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
          : JSON.stringify(c).slice(1, -1),
      )
      .join('');
  const html = (form: (c: string) => string): string => [...secret].map(form).join('');
  const forms = [
    Buffer.from(secret).toString('hex'),
    Buffer.from(secret).toString('hex').toUpperCase(),
    ...[1, 2, 3, 5].map(escaped),
    escaped(1).replaceAll('\\u00', '\\\\u00').toUpperCase().replaceAll('\\\\U', '\\\\u'),
    encodeURIComponent(encodeURIComponent(secret)),
    encodeURIComponent(encodeURIComponent(encodeURIComponent(secret))),
    [...Buffer.from(secret)].map((b) => `%${b.toString(16).padStart(2, '0')}`).join(''),
    html((c) => `&#${c.charCodeAt(0)};`),
    html((c) => `&#x${c.charCodeAt(0).toString(16)};`),
    secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
    secret.replaceAll('&', '&amp;amp;').replaceAll('<', '&#x3C;'),
  ];
  for (const form of forms) {
    const masked = mask.text(`before ${form} after`);
    expect(masked, form).toMatch(/^before .{0,6}\[secret\].{0,6} after$/);
  }
  const plain = 'C:\\users & co: 100%25 of &amp; in \\u0041';
  expect(mask.text(plain)).toBe(plain);
});
