import { parsePeerAddress, parsePeerId } from '../../cluster/libp2p/peer-address.ts'
import { readSeedPlace } from '../../cluster/libp2p/seed-place.ts'
import {
  COPIES_MAX,
  COPIES_MIN,
  FORWARD_TIMEOUT_MS_MIN,
  NODE_NAME_BYTES_MAX,
} from '../../cluster/limits.ts'
import { type Mistake, quote } from '../diagnostic.ts'
import type { DiagnosticCode } from '../diagnostic-code.ts'
import { parseListenAddress } from '../http/listen.ts'
import { parseNetwork } from '../http/trusted-proxies.ts'
import { LOG_LEVELS, NONE, type OptionName, type ServerOptions } from '../options.ts'
import { HEADER_FAMILIES } from '../rules/definition.ts'
import { suggestion } from '../suggestion.ts'

/** Reads an option as it is written in a flag or a variable. Throws `OptionMistake`. */
export type Reader<T> = (written: string) => T

/** Why an option cannot be read, and how to mend it. */
export class OptionMistake extends Error implements Mistake {
  override readonly name = 'OptionMistake'
  readonly code: DiagnosticCode

  constructor(message: string, options: ErrorOptions & { readonly code: DiagnosticCode }) {
    super(message, options)
    this.code = options.code
  }
}

const GOSSIP_INTERVAL_MS_MIN = 50
const GOSSIP_INTERVAL_MS_MAX = 10_000
/** Relays to more peers than this cost more than they gain at any number of nodes. */
const FANOUT_MAX = 12
/** For links around the world; a check that waits longer is better decided here. */
const FORWARD_TIMEOUT_MS_CEILING = 2_000
/** Below, the pauses of a network would end in full limits on both sides of it. */
const FORGET_AFTER_MS_MIN = 60_000
/** Seven days: who is gone for longer than that is not on the far side of a split. */
const FORGET_AFTER_MS_MAX = 604_800_000
const KEYS_MAX_MIN = 1_000
export const KEYS_MAX_MAX = 16_000_000
const CLUSTER_NAME_LENGTH_MAX = 64
/** They leave one after the other, in a good second each, and a supervisor waits so long for all. */
export const WORKERS_MAX = 16

export const OPTION_READERS: { readonly [K in OptionName]: Reader<ServerOptions[K]> } = {
  name: word(NODE_NAME_BYTES_MAX),
  listen: someOf(checkedBy(parseListenAddress)),
  admin: checkedBy(parseListenAddress),
  adminTokenFile: unlessNone(path),
  tlsCert: unlessNone(path),
  tlsKey: unlessNone(path),
  tlsClientCa: unlessNone(path),
  peerListen: unlessNone(checkedBy(parsePeerAddress)),
  advertise: listOf(checkedBy(parsePeerAddress)),
  clusterName: word(CLUSTER_NAME_LENGTH_MAX),
  secretFile: unlessNone(path),
  allowPeers: listOf(checkedBy(parsePeerId)),
  seeds: listOf(checkedBy(readSeedPlace)),
  rules: unlessNone(path),
  dataDir: unlessNone(path),
  gossipIntervalMs: wholeNumber(GOSSIP_INTERVAL_MS_MIN, GOSSIP_INTERVAL_MS_MAX),
  fanout: wholeNumber(1, FANOUT_MAX),
  copies: unless('auto', unless('all', wholeNumber(COPIES_MIN, COPIES_MAX))),
  forwardTimeoutMs: wholeNumber(FORWARD_TIMEOUT_MS_MIN, FORWARD_TIMEOUT_MS_CEILING),
  forgetAfterMs: wholeNumber(FORGET_AFTER_MS_MIN, FORGET_AFTER_MS_MAX),
  keysMax: wholeNumber(KEYS_MAX_MIN, KEYS_MAX_MAX),
  headers: oneOf(HEADER_FAMILIES),
  mode: unlessNone(oneOf(['shadow', 'off'])),
  trustedProxies: listOf(checkedBy(parseNetwork)),
  workers: wholeNumber(1, WORKERS_MAX),
  logLevel: oneOf(LOG_LEVELS),
}

/** The text itself, when `parse` can read it as an address. */
function checkedBy(parse: (written: string) => unknown): Reader<string> {
  return (written) => {
    try {
      parse(written)
      return written
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new OptionMistake(message, { cause, code: 'address_malformed' })
    }
  }
}

/** A name that can stand in logs, labels and file names. */
function word(lengthMax: number): Reader<string> {
  const pattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/
  return (written) => {
    if (written.length <= lengthMax && pattern.test(written)) return written
    throw new OptionMistake(
      `${quote(written)} must be letters, digits, ".", "_" and "-", at most ${lengthMax}, beginning with a letter or digit`,
      { code: 'malformed_value' },
    )
  }
}

function path(written: string): string {
  if (written !== '') return written
  throw new OptionMistake(`the path is empty: write ${NONE} for none`, { code: 'empty_value' })
}

/** A word that stands for itself, or something else. */
function unless<W extends string, T>(word: W, read: Reader<T>): Reader<W | T> {
  return (written) => (written === word ? word : read(written))
}

function unlessNone<T>(read: Reader<T>): Reader<T | null> {
  return (written) => (written === NONE ? null : read(written))
}

/** Comma separated. */
function listOf<T>(read: Reader<T>): Reader<readonly T[]> {
  return (written) => {
    if (written === NONE) return []
    const items = written.split(',').map((item) => item.trim())
    return items.filter((item) => item !== '').map(read)
  }
}

function someOf<T>(read: Reader<T>): Reader<readonly T[]> {
  const readList = listOf(read)
  return (written) => {
    const values = readList(written)
    if (values.length > 0) return values
    throw new OptionMistake(`${quote(written)} must name at least one address`, {
      code: 'empty_value',
    })
  }
}

function wholeNumber(min: number, max: number): Reader<number> {
  return (written) => {
    const isNumber = /^\d+$/.test(written)
    const number = isNumber ? Number(written) : Number.NaN
    if (number >= min && number <= max) return number
    const message = `${quote(written)} must be a whole number from ${min} to ${max}`
    throw new OptionMistake(message, { code: isNumber ? 'out_of_range' : 'wrong_type' })
  }
}

function oneOf<W extends string>(words: readonly W[]): Reader<W> {
  return (written) => {
    const known = words.find((candidate) => candidate === written)
    if (known !== undefined) return known
    throw new OptionMistake(`${quote(written)} is unknown ${suggestion(written, words)}`, {
      code: 'unknown_word',
    })
  }
}
