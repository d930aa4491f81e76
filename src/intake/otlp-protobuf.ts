// OTLP trace requests in protobuf → the same request as OTLP JSON. Only the fields that observations are read from.

import type { JsonObject, JsonValue } from '../base/json.ts';

/** The bytes are not a trace request. Its message says why. */
export class ProtobufError extends Error {}

/** Values inside values; real attributes have a handful. */
const DEEPEST = 60;

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5];

/** One message's fields, read once from front to back. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Number and wire type of the next field; null at the end. */
  next(): { readonly field: number; readonly wire: number } | null {
    if (this.#at >= this.#bytes.length) return null;
    const key = Number(this.varint());
    const field = Math.floor(key / 8);
    if (field < 1) throw new ProtobufError('a field has the number 0');
    return { field, wire: key % 8 };
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new ProtobufError('it ends in the middle of a number');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new ProtobufError('a number has more than 10 bytes');
  }

  fixed64(): bigint {
    this.#need(8);
    const value = this.#view.getBigUint64(this.#at, true);
    this.#at += 8;
    return value;
  }

  double(): number {
    this.#need(8);
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  bytes(): Uint8Array {
    const length = Number(this.varint());
    this.#need(length);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return decoder.decode(this.bytes());
  }

  skip(wire: number): void {
    if (wire === VARINT) this.varint();
    else if (wire === BYTES) this.bytes();
    else if (wire === FIXED64 || wire === FIXED32) {
      const length = wire === FIXED64 ? 8 : 4;
      this.#need(length);
      this.#at += length;
    } else throw new ProtobufError(`there is no wire type ${wire}`);
  }

  #need(length: number): void {
    if (length > this.#bytes.length - this.#at) throw new ProtobufError('it ends in the middle of a field');
  }
}

/** Bytes that are not UTF-8 become U+FFFD: one bad attribute must not cost its batch. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

type Fields = Readonly<Record<number, readonly [wire: number, read: (r: Reader) => void]>>;

/** Reads the known fields of a message; others are skipped, as protobuf asks. */
function message(bytes: Uint8Array, fields: Fields): void {
  const reader = new Reader(bytes);
  for (let next = reader.next(); next !== null; next = reader.next()) {
    const known = fields[next.field];
    if (known !== undefined && known[0] === next.wire) known[1](reader);
    else reader.skip(next.wire);
  }
}

/** An ExportTraceServiceRequest. Throws `ProtobufError`. */
export function decodeTraces(bytes: Uint8Array): JsonObject {
  const resourceSpans: JsonObject[] = [];
  message(bytes, { 1: [BYTES, (r) => void resourceSpans.push(resourceSpan(r.bytes()))] });
  return { resourceSpans };
}

function resourceSpan(bytes: Uint8Array): JsonObject {
  let resource: JsonObject = {};
  const scopeSpans: JsonObject[] = [];
  message(bytes, {
    1: [
      BYTES,
      (r) => {
        resource = { attributes: attributes(r.bytes(), 1) };
      },
    ],
    2: [BYTES, (r) => void scopeSpans.push({ spans: spans(r.bytes()) })],
  });
  return { resource, scopeSpans };
}

/** The repeated KeyValue field of a message that holds nothing else of interest. */
function attributes(bytes: Uint8Array, field: number): JsonObject[] {
  const found: JsonObject[] = [];
  message(bytes, { [field]: [BYTES, (r) => void found.push(keyValue(r.bytes(), 0))] });
  return found;
}

function spans(bytes: Uint8Array): JsonObject[] {
  const found: JsonObject[] = [];
  message(bytes, { 2: [BYTES, (r) => void found.push(span(r.bytes()))] });
  return found;
}

function span(bytes: Uint8Array): JsonObject {
  const own: Record<string, JsonValue> = {};
  const list: JsonObject[] = [];
  const events: JsonObject[] = [];
  const hex = (name: string) => (r: Reader) => {
    own[name] = Buffer.from(r.bytes()).toString('hex');
  };
  const time = (name: string) => (r: Reader) => {
    own[name] = String(r.fixed64());
  };
  message(bytes, {
    1: [BYTES, hex('traceId')],
    2: [BYTES, hex('spanId')],
    4: [BYTES, hex('parentSpanId')],
    5: [
      BYTES,
      (r) => {
        own['name'] = r.text();
      },
    ],
    6: [
      VARINT,
      (r) => {
        own['kind'] = Number(r.varint());
      },
    ],
    7: [FIXED64, time('startTimeUnixNano')],
    8: [FIXED64, time('endTimeUnixNano')],
    9: [BYTES, (r) => void list.push(keyValue(r.bytes(), 0))],
    11: [BYTES, (r) => void events.push(event(r.bytes()))],
    15: [
      BYTES,
      (r) => {
        own['status'] = status(r.bytes());
      },
    ],
  });
  return { ...own, attributes: list, events };
}

function event(bytes: Uint8Array): JsonObject {
  const own: Record<string, JsonValue> = { name: '' };
  const list: JsonObject[] = [];
  message(bytes, {
    1: [
      FIXED64,
      (r) => {
        own['timeUnixNano'] = String(r.fixed64());
      },
    ],
    2: [
      BYTES,
      (r) => {
        own['name'] = r.text();
      },
    ],
    3: [BYTES, (r) => void list.push(keyValue(r.bytes(), 0))],
  });
  return { ...own, attributes: list };
}

function status(bytes: Uint8Array): JsonObject {
  const own: Record<string, JsonValue> = {};
  message(bytes, {
    2: [
      BYTES,
      (r) => {
        own['message'] = r.text();
      },
    ],
    3: [
      VARINT,
      (r) => {
        own['code'] = Number(r.varint());
      },
    ],
  });
  return own;
}

function keyValue(bytes: Uint8Array, depth: number): JsonObject {
  let key = '';
  let value: JsonObject = {};
  message(bytes, {
    1: [
      BYTES,
      (r) => {
        key = r.text();
      },
    ],
    2: [
      BYTES,
      (r) => {
        value = anyValue(r.bytes(), depth);
      },
    ],
  });
  return { key, value };
}

function anyValue(bytes: Uint8Array, depth: number): JsonObject {
  if (depth > DEEPEST) throw new ProtobufError(`values are nested more than ${DEEPEST} deep`);
  let value: JsonObject = {};
  const list = (read: (bytes: Uint8Array) => JsonObject) => (r: Reader) => {
    const values: JsonObject[] = [];
    message(r.bytes(), { 1: [BYTES, (inner) => void values.push(read(inner.bytes()))] });
    return { values };
  };
  message(bytes, {
    1: [
      BYTES,
      (r) => {
        value = { stringValue: r.text() };
      },
    ],
    2: [
      VARINT,
      (r) => {
        value = { boolValue: r.varint() !== 0n };
      },
    ],
    3: [
      VARINT,
      (r) => {
        value = { intValue: String(BigInt.asIntN(64, r.varint())) };
      },
    ],
    4: [
      FIXED64,
      (r) => {
        value = { doubleValue: r.double() };
      },
    ],
    5: [
      BYTES,
      (r) => {
        value = { arrayValue: list((b) => anyValue(b, depth + 1))(r) };
      },
    ],
    6: [
      BYTES,
      (r) => {
        value = { kvlistValue: list((b) => keyValue(b, depth + 1))(r) };
      },
    ],
    7: [
      BYTES,
      (r) => {
        value = { bytesValue: Buffer.from(r.bytes()).toString('base64') };
      },
    ],
  });
  return value;
}
