// The protobuf decoder of traces against protobufjs, and against bytes that are no trace request.

import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { decodeTraces, ProtobufError } from '../../src/intake/otlp-protobuf.ts';

const PROTO = `syntax = "proto3";
message Request { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
message Scope { string name = 1; string version = 2; }
message Span { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
  fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9; repeated Event events = 11;
  Status status = 15; fixed32 flags = 16; }
message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
message Status { string message = 2; int32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
  ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7; } }
message ArrayValue { repeated AnyValue values = 1; }
message KeyValueList { repeated KeyValue values = 1; }`;
const Request = protobuf.parse(PROTO).root.lookupType('Request');

const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string({ unit: 'grapheme' }).map((stringValue) => ({ stringValue })),
    fc.boolean().map((boolValue) => ({ boolValue })),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => ({ intValue: String(n) })),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => ({ doubleValue: n === 0 ? 0 : n })),
    fc.uint8Array({ maxLength: 9 }).map((b) => ({ bytesValue: Buffer.from(b).toString('base64') })),
    fc.array(tie('any'), { maxLength: 3 }).map((values) => ({ arrayValue: { values } })),
    fc
      .array(fc.record({ key: fc.string(), value: tie('any') }), { maxLength: 3 })
      .map((values) => ({ kvlistValue: { values } })),
  ),
})).any;
const attributes = fc.array(fc.record({ key: fc.string(), value }), { maxLength: 4 });
const nano = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((b) => Buffer.from(b).toString('hex'));
const span = fc.record({
  traceId: hex(16),
  spanId: hex(8),
  parentSpanId: hex(8),
  name: fc.string({ minLength: 1 }),
  kind: fc.integer({ min: 1, max: 5 }),
  startTimeUnixNano: nano,
  endTimeUnixNano: nano,
  attributes,
  events: fc.array(fc.record({ timeUnixNano: nano, name: fc.string(), attributes }), { maxLength: 2 }),
  status: fc.record({ message: fc.string({ minLength: 1 }), code: fc.constantFrom(1, 2) }),
});
const request = fc.record({
  resourceSpans: fc.array(
    fc.record({
      resource: fc.record({ attributes }),
      scopeSpans: fc.array(fc.record({ spans: fc.array(span, { maxLength: 3 }) }), { maxLength: 2 }),
    }),
    { maxLength: 2 },
  ),
});

/** protobufjs takes ids as base64. */
function forOracle(input: unknown): object {
  return JSON.parse(
    JSON.stringify(input, (key, v) =>
      ['traceId', 'spanId', 'parentSpanId'].includes(key) ? Buffer.from(v, 'hex').toString('base64') : v,
    ),
  );
}

/** Without what protobuf does not write: fields at their default. */
function plain(input: unknown): unknown {
  return JSON.parse(
    JSON.stringify(input, (key, v) => (key === 'timeUnixNano' || key.endsWith('UnixNano') ? String(v) : v)),
  );
}

describe('trace requests in protobuf', () => {
  it('come to what protobufjs wrote', () => {
    fc.assert(
      fc.property(request, (given) => {
        const bytes = Request.encode(Request.fromObject({ ...forOracle(given) })).finish();
        const filled = {
          resourceSpans: given.resourceSpans.map((r) => ({
            ...r,
            scopeSpans: r.scopeSpans.map((s) => ({
              spans: s.spans.map(({ startTimeUnixNano: start, endTimeUnixNano: end, ...rest }) => ({
                ...rest,
                ...(start === '0' ? {} : { startTimeUnixNano: start }),
                ...(end === '0' ? {} : { endTimeUnixNano: end }),
                events: rest.events.map(({ timeUnixNano: t, ...e }) => ({
                  ...e,
                  ...(t === '0' ? {} : { timeUnixNano: t }),
                })),
              })),
            })),
          })),
        };
        expect(plain(decodeTraces(bytes))).toEqual(plain(filled));
      }),
      { numRuns: 60 },
    );
  });

  it('skip fields that are not known, and never read past the end', () => {
    const bytes = Request.encode(
      Request.fromObject({
        resourceSpans: [
          { schemaUrl: 'x', scopeSpans: [{ scope: { name: 's' }, spans: [{ name: 'n', flags: 1 }] }] },
        ],
      }),
    ).finish();
    expect(decodeTraces(bytes)).toMatchObject({
      resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'n' }] }] }],
    });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        try {
          decodeTraces(noise);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtobufError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('refuse values that are nested without end', () => {
    const field = (number: number, body: Buffer): Buffer => {
      const length: number[] = [];
      for (let rest = body.length; rest > 0 || length.length === 0; rest >>= 7)
        length.push((rest & 127) | (rest > 127 ? 128 : 0));
      return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), body]);
    };
    let nested = field(1, Buffer.from('x'));
    for (let i = 0; i < 20_000; i++) nested = field(5, field(1, nested));
    const bytes = field(1, field(1, field(1, Buffer.concat([field(1, Buffer.from('k')), field(2, nested)]))));
    expect(() => decodeTraces(bytes)).toThrow(ProtobufError);
  });
});
