/**
 * Keys as 64 keyed bits: what tables, rings and frames carry instead of the key itself.
 *
 * Without the cluster's secret nobody can choose keys that fall into one place, so a flood of chosen keys
 * costs no more than one of random keys. HalfSipHash-c-d with 64-bit output works on 32-bit words alone,
 * the widest that JavaScript computes fast. Source: Aumasson and Bernstein, "SipHash: a fast short-input
 * PRF", 2012, and its 32-bit variant of 2016. It guards tables; it is no signature.
 */

/** 64 bits as two unsigned 32-bit words. */
export interface KeyHash {
  readonly hi: number
  readonly lo: number
}

/** The rounds of HalfSipHash-c-d: `c` for each word taken in, `d` before each word given out. */
export interface HashRounds {
  readonly perWord: number
  readonly final: number
}

/** One and three: the choice for hash tables. */
const TABLE_ROUNDS: HashRounds = { perWord: 1, final: 3 }

/**
 * Hashes strings under one 64-bit key, given as two 32-bit words. The input is the string's UTF-16 code
 * units, low byte first: every string is its own input, lone surrogates and NUL included.
 */
export class KeyHasher {
  readonly #hi: number
  readonly #lo: number
  readonly #perWord: number
  readonly #final: number

  constructor(key: KeyHash, rounds: HashRounds = TABLE_ROUNDS) {
    this.#hi = key.hi
    this.#lo = key.lo
    this.#perWord = rounds.perWord
    this.#final = rounds.final
  }

  /**
   * One loop over everything that is absorbed, so that the round stands here once and stays inline: each
   * pair of units as a word; then the last word, which is the length in bytes modulo 256 above an odd unit;
   * then twice nothing, with the final rounds. The `| 0` of what comes from fields tells the compiler that
   * the whole loop runs on machine words, which halves its time.
   */
  hash(text: string): KeyHash {
    const units = text.length
    const last = units >>> 1
    let v0 = this.#lo | 0
    let v1 = this.#hi ^ 0xee
    let v2 = this.#lo ^ 0x6c796765
    let v3 = this.#hi ^ 0x74656462
    let lo = 0
    for (let step = 0; step <= last + 2; step++) {
      let word = 0
      let rounds = this.#perWord | 0
      if (step < last) {
        word = text.charCodeAt(2 * step) | (text.charCodeAt(2 * step + 1) << 16)
      } else if (step === last) {
        word = (units << 25) | ((units & 1) === 0 ? 0 : text.charCodeAt(units - 1))
      } else {
        rounds = this.#final | 0
        if (step === last + 1) v2 ^= 0xee
        else {
          lo = v1 ^ v3
          v1 ^= 0xdd
        }
      }
      v3 ^= word
      for (; rounds > 0; rounds--) {
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
      v0 ^= word
    }
    return { hi: (v1 ^ v3) >>> 0, lo: lo >>> 0 }
  }
}

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
