import { maskedCrc32c } from "./crc32c.ts";
import { block, double, type Encoded, join, whole } from "./protobuf.ts";

/** An event of TensorBoard's: values of a step, at a time. */
export interface BoardEvent {
  /** Seconds since 1970. */
  readonly time: number;
  /** The step, from 0. */
  readonly step: number;
  /** Messages `Summary.Value`. */
  readonly values: readonly Encoded[];
}

/** What the first event of a file says of its form. */
const FILE_VERSION = "brain.Event:2";

/** A message in a record of TensorFlow's: its length and itself, each followed by its checksum. */
function recordOf(message: Encoded): Encoded {
  const head = new Uint8Array(12);
  const view = new DataView(head.buffer);
  view.setBigUint64(0, BigInt(message.length), true);
  view.setUint32(8, maskedCrc32c(head.subarray(0, 8)), true);
  const foot = new Uint8Array(4);
  new DataView(foot.buffer).setUint32(0, maskedCrc32c(message), true);
  return join([head, message, foot]);
}

/** A message `Event`; what is 0 is left out, as proto3 has it. */
function eventOf({ time, step, values }: BoardEvent): Encoded {
  return join([
    ...time === 0 ? [] : [double(1, time)],
    ...step === 0 ? [] : [whole(2, step)],
    block(5, values.map((value) => block(1, [value]))),
  ]);
}

/** The bytes of an event file that was begun at a time, in seconds since 1970. */
export function eventFile(began: number, events: readonly BoardEvent[]): Encoded {
  const version = join([...began === 0 ? [] : [double(1, began)], block(3, FILE_VERSION)]);
  return join([version, ...events.map(eventOf)].map(recordOf));
}
