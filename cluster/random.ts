import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** Randomness as an argument: the same seed gives the same run, in production code and in simulation. */
export interface Random {
  /** A whole number in `[0, bound)`. */
  below(bound: number): number
}

/** Xoroshiro128+ (Blackman and Vigna) from a 32-bit seed. */
export function seededRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed | 0)
  return {
    below(bound) {
      return uniformInt(generator, 0, bound - 1)
    },
  }
}
