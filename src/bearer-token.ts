import { createHash, timingSafeEqual } from 'node:crypto'

/** 32 characters of hexadecimal are 128 bits: nobody guesses them. */
const TOKEN_CHARS_MIN = 32
const TOKEN_CHARS_MAX = 512
/** The old one and the new one while tokens change, and room for a tool with one of its own. */
const TOKENS_MAX = 4
/** What can stand in an `Authorization` field as it is (RFC 6750, section 2.1). */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/

const SCHEME = /^bearer +/i

/**
 * The tokens of a file, one a line. `where` names the file in errors; a token never appears in one.
 *
 * @throws Error that says how to mend what is none.
 */
export function parseTokens(text: string, where: string): readonly string[] {
  const tokens = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const isToken = ({ length }: string) => length >= TOKEN_CHARS_MIN && length <= TOKEN_CHARS_MAX
  const bad = tokens.findIndex((token) => !isToken(token) || !TOKEN.test(token))
  if (tokens.length >= 1 && tokens.length <= TOKENS_MAX && bad < 0) return tokens
  const what = bad < 0 ? `holds ${tokens.length} tokens` : `token ${bad + 1} cannot be used`
  throw new Error(
    `${where}: ${what}; write 1 to ${TOKENS_MAX} tokens, one a line, each of ${TOKEN_CHARS_MIN} to ${TOKEN_CHARS_MAX} letters, digits and "._~+/-", as "openssl rand -hex 32" makes them`,
  )
}

/** What an `Authorization` field proves. */
export type Proof = 'right' | 'missing' | 'wrong'

/** Tokens that open a door; any of them does. */
export class BearerTokens {
  readonly #digests: readonly Buffer[]

  constructor(tokens: readonly string[]) {
    this.#digests = tokens.map(digestOf)
  }

  /** Takes the same time whatever was sent: digests are compared whole, with all tokens. */
  prove(authorization: string | undefined): Proof {
    if (authorization === undefined || !SCHEME.test(authorization)) return 'missing'
    const digest = digestOf(authorization.replace(SCHEME, ''))
    const equal = this.#digests.map((own) => timingSafeEqual(own, digest))
    return equal.includes(true) ? 'right' : 'wrong'
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
