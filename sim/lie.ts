import type { Message } from '../cluster/message.ts'
import { encode } from '../cluster/wire.ts'
import type { Counts, CountsBlock } from '../crdt/counts.ts'

/**
 * What is wrong with everything a node says.
 *
 * - `inflate`: it claims to have admitted far more of every key than it has. (That it has given back more, it does not.)
 * - `garble`: its frames arrive as rubbish.
 * - `foreign-version`: it speaks a protocol version that nobody else understands, nor it theirs.
 */
export type Lie = 'inflate' | 'garble' | 'foreign-version'

/** Claimed admissions for each true one. */
const INFLATION = 20

/** What a node with this fault puts on the wire instead of a message. */
export function told(message: Message, lie: Lie): Uint8Array {
  switch (lie) {
    case 'inflate':
      return encode('counts' in message ? inflated(message) : message)
    case 'garble':
      return encode(message).map((byte, at) => (at % 3 === 0 ? byte ^ 0xa5 : byte))
    case 'foreign-version':
      return ofForeignVersion(encode(message))
    default:
      return lie satisfies never
  }
}

function inflated<Telling extends { readonly counts: Counts }>(message: Telling): Telling {
  return { ...message, counts: inflatedCounts(message.counts) }
}

function inflatedCounts(counts: Counts): Counts {
  return { ...counts, blocks: counts.blocks.map((block) => inflatedBlock(block, counts.actors)) }
}

/** Entries are flat: two words of hash, an actor, then for each limit an offset, a length, and the counts. */
function inflatedBlock(block: CountsBlock, actors: Counts['actors']): CountsBlock {
  const entries = [...block.entries]
  for (let at = 0; at < entries.length; ) {
    const isCredit = actors[entries[at + 2] as number]?.credit === true
    at += 3
    for (let limit = 0; limit < block.sliceMs.length; limit++) {
      const length = entries[at + 1] as number
      for (let count = at + 2; count < at + 2 + length; count++) {
        entries[count] = (entries[count] as number) * (isCredit ? 1 : INFLATION)
      }
      at += 2 + length
    }
  }
  return { ...block, entries }
}

/** The same frame as another protocol version would begin it: `[version, kind, …]` in MessagePack. */
function ofForeignVersion(frame: Uint8Array): Uint8Array {
  const foreign = frame.slice()
  // An array's head takes one byte, or three from 16 elements on; the version follows it.
  const version = (frame[0] as number) === 0xdc ? 3 : 1
  foreign[version] = 0x02
  return foreign
}
