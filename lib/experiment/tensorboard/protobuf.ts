/** Bytes of a message of Protocol Buffers, or of a part of one. */
export type Encoded = Uint8Array<ArrayBuffer>;

/** How a field's value is laid out. */
const WIRE = { varint: 0, double: 1, bytes: 2, float: 5 } as const;

/** Parts one after the other. */
export function join(parts: readonly Uint8Array[]): Encoded {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** A whole number from 0 in groups of seven bits, the lowest first. */
function varint(value: number): Encoded {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push(value % 128 + 128);
  return Uint8Array.from([...bytes, value]);
}

function key(field: number, wire: number): Encoded {
  return varint(8 * field + wire);
}

/** A field with a whole number from 0, a truth value or an enumeration's number. */
export function whole(field: number, value: number): Encoded {
  return join([key(field, WIRE.varint), varint(value)]);
}

/** A field with a number in f64. */
export function double(field: number, value: number): Encoded {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return join([key(field, WIRE.double), bytes]);
}

/** A field with a number in f32. */
export function float(field: number, value: number): Encoded {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return join([key(field, WIRE.float), bytes]);
}

/** A field with text, or with a message of its parts. */
export function block(field: number, content: string | readonly Uint8Array[]): Encoded {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : join(content);
  return join([key(field, WIRE.bytes), varint(bytes.length), bytes]);
}
