/**
 * Every decision of a run comes from here. The nth choice of a stream depends on the seed, the stream's name and n
 * alone, so muting some choices of one stream leaves all other choices as they were: that is how runs are shrunk.
 */

/** Inclusive ranges of choices that are held at their quietest value, by stream. */
export type Mutes = Readonly<Record<string, readonly (readonly [from: number, to: number])[]>>;

export class Choices {
  readonly seed: number;
  readonly #mutes: Mutes;
  readonly #streams = new Map<string, { hash: number; count: number }>();

  constructor(seed: number, mutes: Mutes = {}) {
    this.seed = seed;
    this.#mutes = mutes;
  }

  /** 0 to `bound` - 1; muted: 0. */
  pick(stream: string, bound: number): number {
    return Math.floor(this.#next(stream) * bound);
  }

  /** Muted: false. */
  chance(stream: string, probability: number): boolean {
    return this.#next(stream) >= 1 - probability;
  }

  /** Muted: `low`. */
  between(stream: string, low: number, high: number): number {
    return low + this.pick(stream, high - low + 1);
  }

  /** Muted: the first. */
  one<Value>(stream: string, values: readonly Value[]): Value {
    const value = values[this.pick(stream, values.length)];
    if (value === undefined) throw new Error(`nothing to choose from in ${stream}`);
    return value;
  }

  /** How many choices each stream has made. */
  counts(): Record<string, number> {
    return Object.fromEntries([...this.#streams].map(([name, { count }]) => [name, count]));
  }

  #next(stream: string): number {
    let known = this.#streams.get(stream);
    if (known === undefined) this.#streams.set(stream, (known = { hash: hashOf(stream), count: 0 }));
    const index = known.count;
    known.count += 1;
    const isMuted = this.#mutes[stream]?.some(([from, to]) => from <= index && index <= to) === true;
    return isMuted ? 0 : mix(this.seed, known.hash, index) / 2 ** 32;
  }
}

/** FNV-1a, 32 bit. */
export function hashOf(text: string, start = 0x811c9dc5): number {
  let hash = start;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** The finaliser of MurmurHash3 over the three numbers. */
function mix(seed: number, stream: number, index: number): number {
  let hash = Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream, 0x85ebca77) ^ Math.imul(index + 1, 0xc2b2ae3d);
  for (let round = 0; round < 2; round += 1) {
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return hash >>> 0;
}
