/** One field of a protobuf message. https://protobuf.dev/programming-guides/encoding/ */
export interface Field {
  readonly number: number;
  /** Of a varint or fixed field. */
  readonly value: number;
  /** Of a length-delimited one: a text, bytes or a message. */
  readonly bytes: Buffer;
}

const none = Buffer.alloc(0);

/** Reads the fields of a message in order. @throws RangeError when it is cut short */
export function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message.readUInt8(at++);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const type = tag % 8;
    if (type === 0) yield { number, value: varint(), bytes: none };
    else if (type === 2) {
      const length = varint();
      if (at + length > message.length) throw new RangeError("a protobuf message is cut short");
      yield { number, value: 0, bytes: message.subarray(at, (at += length)) };
    } else if (type === 1 || type === 5) {
      const size = type === 1 ? 8 : 4;
      yield { number, value: 0, bytes: message.subarray(at, (at += size)) };
    } else throw new RangeError(`a protobuf field has the unknown type ${type}`);
  }
}

/** A length-delimited field. */
export function bytesField(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([...varintBytes(number * 8 + 2), ...varintBytes(bytes.length)]), bytes]);
}

function varintBytes(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return [...bytes, rest];
}
