import { utf8Bytes } from '../crdt/utf8.ts'

/** Thrown by a reader at the first thing that is not as it must be; caught in `decode`, never beyond. */
export class Malformed extends Error {}

/**
 * Reads a decoded MessagePack array field by field, believing nothing: each read names what the field must
 * be and how large it may be, and fails otherwise.
 */
export class FrameReader {
  readonly #fields: readonly unknown[]
  #at: number

  constructor(fields: unknown, at = 0) {
    if (!Array.isArray(fields)) throw new Malformed()
    this.#fields = fields
    this.#at = at
  }

  /** A whole number in `[0, max]`. */
  whole(max: number = Number.MAX_SAFE_INTEGER): number {
    return asWhole(this.#next(), max)
  }

  /** An unsigned 32-bit number. */
  word(): number {
    return this.whole(0xffff_ffff)
  }

  flag(): boolean {
    const field = this.#next()
    if (typeof field !== 'boolean') throw new Malformed()
    return field
  }

  /** A non-empty string of at most so many bytes; lone surrogates cannot come out of UTF-8. */
  text(bytesMax: number): string {
    return asText(this.#next(), bytesMax)
  }

  /** Bytes of exactly one of these lengths: a copy, because the frame's buffer is the transport's. */
  bytes(...lengths: readonly number[]): Uint8Array {
    const field = this.#next()
    if (!(field instanceof Uint8Array) || !lengths.includes(field.length)) throw new Malformed()
    return new Uint8Array(field)
  }

  wholes(most: number): number[] {
    const fields = this.#array(most)
    for (const field of fields) asWhole(field, Number.MAX_SAFE_INTEGER)
    return fields as number[]
  }

  words(most: number): number[] {
    const fields = this.#array(most)
    for (const field of fields) asWhole(field, 0xffff_ffff)
    return fields as number[]
  }

  /** An array of its own, read to its end by `read`. */
  nested<Item>(read: (item: FrameReader) => Item): Item {
    const item = new FrameReader(this.#next())
    const value = read(item)
    item.end()
    return value
  }

  /** A list of arrays, each read to its end by `read`. */
  list<Item>(most: number, read: (item: FrameReader) => Item): Item[] {
    const items: Item[] = []
    for (const field of this.#array(most)) {
      const item = new FrameReader(field)
      items.push(read(item))
      item.end()
    }
    return items
  }

  texts(most: number, bytesMax: number): string[] {
    const fields = this.#array(most)
    for (const field of fields) asText(field, bytesMax)
    return fields as string[]
  }

  /** A flat array of equal tuples, each read by `read`. */
  tuples<Item>(most: number, read: (item: FrameReader) => Item): Item[] {
    const field = this.#next()
    const item = new FrameReader(field)
    const items: Item[] = []
    while (item.#at < item.#fields.length) {
      if (items.length >= most) throw new Malformed()
      items.push(read(item))
    }
    return items
  }

  /** Whether there is another field: one that a message need not have. */
  get hasMore(): boolean {
    return this.#at < this.#fields.length
  }

  /** Nothing may follow. */
  end(): void {
    if (this.#at !== this.#fields.length) throw new Malformed()
  }

  #array(most: number): readonly unknown[] {
    const field = this.#next()
    if (!Array.isArray(field) || field.length > most) throw new Malformed()
    return field
  }

  #next(): unknown {
    if (this.#at >= this.#fields.length) throw new Malformed()
    return this.#fields[this.#at++]
  }
}

function asText(field: unknown, bytesMax: number): string {
  if (typeof field !== 'string' || field.length === 0) throw new Malformed()
  if (field.length > bytesMax) throw new Malformed()
  // No character takes more than three bytes a unit.
  if (field.length * 3 > bytesMax && utf8Bytes(field) > bytesMax) throw new Malformed()
  return field
}

function asWhole(field: unknown, max: number): number {
  if (typeof field !== 'number' || !Number.isInteger(field)) throw new Malformed()
  if (field < 0 || field > max) throw new Malformed()
  return field
}
