/**
 * Keys as 64 keyed bits: what tables, rings and frames carry instead of the key itself.
 *
 * Without the cluster's secret nobody can choose keys that fall into one place, so a flood of chosen keys
 * costs no more than one of random keys. HalfSipHash with 64-bit output works on 32-bit words alone, the widest
 * that JavaScript computes fast; one round a word and three before each word given out is the choice for hash
 * tables. Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, and its 32-bit variant of 2016.
 * It guards tables; it is no signature.
 */

/** 64 bits as two unsigned 32-bit words. */
export interface KeyHash {
  readonly hi: number
  readonly lo: number
}

/**
 * Hashes strings under one 64-bit key, given as two 32-bit words. The input is the string's UTF-16 code
 * units, low byte first: every string is its own input, lone surrogates and NUL included.
 */
export class KeyHasher {
  readonly #hi: number
  readonly #lo: number

  constructor(key: KeyHash) {
    this.#hi = key.hi
    this.#lo = key.lo
  }

  /**
   * Each pair of units is a word; the last word is the length in bytes modulo 256 above an odd unit. The round stands
   * here twice, for what is absorbed and for the end: in one loop both take a third longer. The `| 0` of what comes
   * from fields tells the compiler that all runs on machine words, which halves the time.
   */
  hash(text: string): KeyHash {
    const units = text.length
    const pairsEnd = units & ~1
    let v0 = this.#lo | 0
    let v1 = this.#hi ^ 0xee
    let v2 = this.#lo ^ 0x6c796765
    let v3 = this.#hi ^ 0x74656462
    for (let at = 0; at <= pairsEnd; at += 2) {
      let word = units << 25
      if (at < pairsEnd) word = text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16)
      else if (at < units) word |= text.charCodeAt(at)
      v3 ^= word
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      v0 ^= word
    }
    let lo = 0
    v2 ^= 0xee
    for (let round = 0; round < 2 * FINAL_ROUNDS; round++) {
      if (round === FINAL_ROUNDS) {
        lo = v1 ^ v3
        v1 ^= 0xdd
      }
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    return { hi: (v1 ^ v3) >>> 0, lo: lo >>> 0 }
  }
}

/** Rounds before each word given out. */
const FINAL_ROUNDS = 3

/**
 * The hasher of one rule's keys. The rule's name goes into the hash key and not in front of the text, so
 * no rule and key can spell the same input as another rule and key.
 */
export function ruleHasher(clusterKey: KeyHash, ruleName: string): KeyHasher {
  return new KeyHasher(new KeyHasher(clusterKey).hash(ruleName))
}

/** 16 hexadecimal digits, the high word first. */
export function hashHex(hash: KeyHash): string {
  return wordHex(hash.hi) + wordHex(hash.lo)
}

function wordHex(word: number): string {
  return word.toString(16).padStart(8, '0')
}
