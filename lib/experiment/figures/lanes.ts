/** Where dots of one row lie beside each other. */
export interface Lanes {
  /** The lane of each dot, from 0. */
  readonly lanes: readonly number[];
  /** How many lanes there are. */
  readonly count: number;
}

/**
 * Lanes for dots at places along a line, such that no two in one lane lie nearer to each other than `room`: each takes the
 * first lane that is free for it.
 */
export function lanesOf(places: readonly number[], room: number): Lanes {
  const order = [...places.keys()].sort((a, b) => places[a] - places[b]);
  const ends: number[] = [];
  const lanes = new Array<number>(places.length).fill(0);
  for (const index of order) {
    const free = ends.findIndex((end) => places[index] - end >= room);
    const lane = free < 0 ? ends.length : free;
    ends[lane] = places[index];
    lanes[index] = lane;
  }
  return { lanes, count: ends.length };
}
